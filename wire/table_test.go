package wire

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The files in testdata/requests hold one case per block:
//
//	# what the case shows (its name)
//	> bytes that the client sends, one line for each write
//	< bytes that the server reads; "<=" for exactly what was sent
//	! the status and reason of the violation; without this line, the connection ends well
//
// Instead of ">", these send a whole request, so that a case can be about one line of it:
//
//	request GET / HTTP/1.1        with a Host field
//	field Name: value             of a GET request
//	chunked 5\r\nhello\r\n...     a chunked body behind a POST head; "<+" expects the head and what follows
//
// Escapes are Go's, and \(text*n) repeats. Violations that come at the beginning of a
// later request are preceded by the byte X (see junk).
type wireCase struct {
	name   string
	writes [][]byte
	want   string
	status string
}

const chunkedHead = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

var repeat = regexp.MustCompile(`\\\(((?:[^*\\]|\\.)*)\*(\d+)\)`)

func unescape(t *testing.T, s string) string {
	t.Helper()
	s = repeat.ReplaceAllStringFunc(s, func(m string) string {
		parts := repeat.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], n)
	})
	u, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return u
}

func readCases(t *testing.T, file string) []wireCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []wireCase
	for block := range strings.SplitSeq(string(data), "\n\n") {
		var c wireCase
		var sent string
		send := func(s string) {
			sent += s
			c.writes = append(c.writes, []byte(s))
		}
		for line := range strings.SplitSeq(strings.TrimSpace(block), "\n") {
			word, rest, _ := strings.Cut(line, " ")
			if word != "#" {
				rest = unescape(t, rest)
			}
			switch word {
			case "#":
				c.name = rest
			case ">":
				send(rest)
			case "request":
				send(rest + "\r\nHost: h\r\n\r\n")
			case "field":
				send("GET / HTTP/1.1\r\nHost: h\r\n" + rest + "\r\n\r\n")
			case "chunked":
				send(chunkedHead + rest)
			case "<":
				c.want += rest
			case "<+":
				c.want = chunkedHead + rest
			case "<=":
				c.want = sent
			case "!":
				c.status = rest
			default:
				t.Fatalf("%s: %q", file, line)
			}
		}
		if c.name == "" || len(c.writes) == 0 || c.status == "" && c.want == "" {
			t.Fatalf("%s: incomplete case:\n%s", file, block)
		}
		cases = append(cases, c)
	}
	return cases
}

func TestRequests(t *testing.T) {
	files, err := filepath.Glob("testdata/requests/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	o := Options{HeadBytes: 4096, Fields: 20, TargetBytes: 1024}
	seen, names, n := map[string]bool{}, map[string]bool{}, 0
	for _, file := range files {
		for _, c := range readCases(t, file) {
			n++
			name := strings.TrimSuffix(filepath.Base(file), ".txt") + "/" + c.name
			if names[name] {
				t.Errorf("%s: twice", name)
			}
			names[name] = true
			t.Run(name, func(t *testing.T) {
				var whole []byte
				for _, w := range c.writes {
					whole = append(whole, w...)
				}
				f := func(how string, pieces [][]byte, buffer int) {
					t.Helper()
					got := serve(t, o, pieces, buffer)
					status := ""
					if v := got.violation; v != nil {
						status = fmt.Sprint(v.Status, " ", v.Reason)
						seen[v.Reason] = true
					}
					if got.delivered != c.want || status != c.status {
						t.Errorf("%s:\n got %q %s\nwant %q %s", how, got.delivered, status, c.want, c.status)
					}
				}
				f("as written", clone(c.writes), 32<<10)
				f("at once", cut(whole, len(whole)), 32<<10)
				f("byte by byte", cut(whole, 1), 32<<10)
				f("three bytes each", cut(whole, 3), 32<<10)
				f("one byte, then the rest", cut(whole, 1, len(whole)), 32<<10)
				f("read byte by byte", cut(whole, len(whole)), 1)
				f("sent and read byte by byte", cut(whole, 1), 1)
				f("read in small steps", cut(whole, 1500), directRead)
			})
		}
	}
	if n < 250 {
		t.Errorf("%d cases only", n)
	}
	for _, r := range Reasons() {
		if !seen[r] && !strings.HasSuffix(r, "_timeout") && r != "body_rate" {
			t.Errorf("no case for %s", r)
		}
	}
}

// clone copies: connections may write over what they read.
func clone(writes [][]byte) [][]byte {
	var pieces [][]byte
	for _, w := range writes {
		pieces = append(pieces, append([]byte(nil), w...))
	}
	return pieces
}
