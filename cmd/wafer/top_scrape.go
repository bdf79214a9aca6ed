package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// scrape is the series of a tier, by name.
type scrape map[string][]series

// series is one of them.
type series struct {
	labels [][2]string
	value  float64
}

func (s *series) get(label string) string {
	for _, l := range s.labels {
		if l[0] == label {
			return l[1]
		}
	}
	return ""
}

// key tells series of one name apart: labels joined by what stands in none.
func (s *series) key() string {
	var b strings.Builder
	for _, l := range s.labels {
		b.WriteString(l[0] + "\x00" + l[1] + "\x00")
	}
	return b.String()
}

// readScrape reads the text format of Prometheus, of which it keeps the series of a tier, so many bytes of them at most.
func readScrape(r io.Reader, most int) (scrape, error) {
	s, known := scrape{}, terms{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, "wafer_") && !strings.HasPrefix(line, "process_") {
			continue
		}
		end := strings.IndexAny(line, "{ ")
		if end < 0 {
			continue
		}
		name, rest := known.one(line[:end]), line[end:]
		if strings.HasSuffix(name, "_bucket") && name != durations+"_bucket" {
			continue // most of a scrape are histograms that no picture has
		}
		if most -= len(line) + seriesBytes; most < 0 {
			return nil, errors.New("more series than those of a tier")
		}
		one := series{}
		if rest[0] == '{' {
			var ok bool
			if one.labels, rest, ok = known.labels(rest[1:]); !ok {
				return nil, fmt.Errorf("labels of %q cannot be read", shorten(name, 100))
			}
		}
		value, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("%q has the value %q", shorten(name, 100), shorten(value, 100))
		}
		one.value = v
		s[name] = append(s[name], one)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, errors.New("a line of more than a MiB")
	}
	return s, lines.Err()
}

// seriesBytes is about what a series takes beside the words that are its own.
const seriesBytes = 128

// durations is the histogram that pictures are made of.
const durations = "wafer_request_duration_seconds"

// terms are names and values of labels, each of which is held once.
type terms map[string]string

func (t terms) one(text string) string {
	if held, is := t[text]; is {
		return held
	}
	text = strings.Clone(text) // without the line that it stands in
	t[text] = text
	return text
}

// labels reads what follows a brace, up to the closing one.
func (t terms) labels(text string) (labels [][2]string, rest string, ok bool) {
	for {
		text = strings.TrimLeft(text, ", ")
		if rest, ok := strings.CutPrefix(text, "}"); ok {
			return labels, rest, true
		}
		name, after, ok := strings.Cut(text, `="`)
		if !ok {
			return nil, "", false
		}
		var value strings.Builder
		i := 0
		for ; i < len(after) && after[i] != '"'; i++ {
			c := after[i]
			if c == '\\' && i+1 < len(after) {
				i++
				if c = after[i]; c == 'n' {
					c = '\n'
				}
			}
			value.WriteByte(c)
		}
		if i == len(after) {
			return nil, "", false
		}
		labels = append(labels, [2]string{t.one(name), t.one(value.String())})
		text = after[i+1:]
	}
}

// quantile reads a quantile off buckets that count what is up to their bound; within one, it takes a straight line. 0:
// there is nothing in them.
func quantile(buckets map[float64]float64, q float64) float64 {
	bounds := make([]float64, 0, len(buckets))
	for b := range buckets {
		bounds = append(bounds, b)
	}
	slices.Sort(bounds)
	if len(bounds) == 0 {
		return 0
	}
	whole := buckets[bounds[len(bounds)-1]]
	if whole == 0 {
		return 0
	}
	low, under := 0.0, 0.0
	for _, bound := range bounds {
		n := buckets[bound]
		if n >= q*whole {
			if math.IsInf(bound, 1) {
				return low
			}
			if n == under {
				return bound
			}
			return low + (bound-low)*(q*whole-under)/(n-under)
		}
		low, under = bound, n
	}
	return low
}
