package metrics

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/wafer-waf/wafer/inspect"
)

// exemplarTime is when an exemplar was, which is written in more than one way.
var exemplarTime = regexp.MustCompile(`(# \{.*) [^ \n]*`)

// sorted are the lines of a text, but for what differs from one scrape to the next.
func sorted(text string) []string {
	lines := strings.Split(exemplarTime.ReplaceAllString(text, "$1"), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "go_") || strings.HasPrefix(l, "# UNIT go_") || strings.HasPrefix(l, "process_")
	})
	slices.Sort(lines)
	return lines
}

// What is written here is what the client library writes, in both forms.
func TestExposition(t *testing.T) {
	registry, m := busyRoutes(3)
	r := m.Route("a \"b\" \\ c\nd", "")
	q := finished(&inspect.Report{})
	q.Took = 700 * time.Second // beyond all buckets
	r.Done(q)
	for name, fields := range map[string]map[string]string{"text": nil, "OpenMetrics": openMetrics} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			for field, value := range fields {
				request.Header.Set(field, value)
			}
			library := httptest.NewRecorder()
			promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(library, request)
			own := scrape(t, registry, fields)
			if got, want := own.Header().Get("Content-Type"), library.Header().Get("Content-Type"); got != want {
				t.Errorf("type %q, of the library %q", got, want)
			}
			got, want := sorted(own.Body.String()), sorted(library.Body.String())
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("got  %s\nwant %s", got[i], want[i])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d lines, of the library %d", len(got), len(want))
			}
		})
	}
}

// Who takes compressed answers gets them.
func TestExpositionIsCompressed(t *testing.T) {
	registry, _ := busyRoutes(1)
	for accepts, compressed := range map[string]bool{"": false, "gzip": true, "deflate, gzip;q=1.0": true, "gzip;q=0": false, "identity": false} {
		w := scrape(t, registry, map[string]string{"Accept-Encoding": accepts})
		var body io.Reader = w.Body
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != compressed {
			t.Errorf("%q: compressed %v", accepts, got)
		} else if compressed {
			zipped, err := gzip.NewReader(body)
			if err != nil {
				t.Fatal(err)
			}
			body = zipped
		}
		text, err := io.ReadAll(body)
		if err != nil || !strings.Contains(string(text), "wafer_requests_total{") {
			t.Errorf("%q: %v, %d bytes", accepts, err, len(text))
		}
	}
}

// A collector that fails is told of, and costs its own series.
func TestExpositionWithoutWhatFails(t *testing.T) {
	registry, _ := busyRoutes(1)
	registry.MustRegister(brokenCollector{})
	var failed error
	w := httptest.NewRecorder()
	registry.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil), func(err error) { failed = err })
	if failed == nil || !strings.Contains(failed.Error(), "collector broke") {
		t.Errorf("told %v", failed)
	}
	for _, name := range []string{"wafer_engines", "wafer_requests_total"} {
		if len(linesOf(w, name)) == 0 {
			t.Errorf("no %s", name)
		}
	}
}

type brokenCollector struct{}

func (brokenCollector) desc() *prometheus.Desc {
	return prometheus.NewDesc("wafer_broken", "Broken.", nil, nil)
}
func (b brokenCollector) Describe(to chan<- *prometheus.Desc) { to <- b.desc() }
func (b brokenCollector) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.NewInvalidMetric(b.desc(), errors.New("collector broke"))
}
