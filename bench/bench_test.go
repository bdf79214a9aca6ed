package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestPools holds the requests to what the documentation says about them.
func TestPools(t *testing.T) {
	sizes := map[string][2]int{"get": {0, 0}, "form": {850, 1200}, "json": {1800, 2300}}
	for _, p := range benign() {
		seen := map[string]bool{}
		for i, r := range p.list {
			if seen[string(r.raw)] {
				t.Errorf("%s %d occurs twice", p.name, i)
			}
			seen[string(r.raw)] = true
			req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(r.raw)))
			if err != nil {
				t.Fatalf("%s %d: %v", p.name, i, err)
			}
			if n := len(req.Cookies()); n != 3 {
				t.Errorf("%s %d: %d cookies", p.name, i, n)
			}
			if n := len(req.URL.Query()); p.name == "get" && n != 3 {
				t.Errorf("%s %d: %d arguments", p.name, i, n)
			}
			if n := int(req.ContentLength); n < sizes[p.name][0] || n > sizes[p.name][1] {
				t.Errorf("%s %d: body of %d bytes", p.name, i, n)
			}
			if p.name == "json" {
				var v any
				if err := json.NewDecoder(req.Body).Decode(&v); err != nil {
					t.Fatal(err)
				}
				if n := leaves(v); n < 80 || n > 100 {
					t.Errorf("json %d: %d values", i, n)
				}
			}
		}
	}
}

func leaves(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			n += leaves(e)
		}
	case []any:
		for _, e := range v {
			n += leaves(e)
		}
	default:
		return 1
	}
	return n
}

func TestAttackShare(t *testing.T) {
	for name, want := range map[bool]int{false: 0, true: 10} {
		attacks := 0
		for _, r := range mixed("m", 2, oneHost, name).list {
			if r.attack {
				attacks++
			}
		}
		if attacks != want {
			t.Errorf("%d attacks in 200, want %d", attacks, want)
		}
	}
}

// TestOpenLoopSeesStalls has a server that stands still for 200 ms once. A loader that
// waits for answers would see that in one request; here it is in a fifth of them.
func TestOpenLoopSeesStalls(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		now := time.Since(began)
		if from, to := 300*time.Millisecond, 500*time.Millisecond; now > from && now < to {
			time.Sleep(to - now)
		}
	})}
	go func() { _ = s.Serve(ln) }()
	defer s.Close()
	p := pool{list: []request{{raw: []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")}}}
	l, err := openLoop(t.Context(), ln.Addr().String(), p, 500, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if l.Requests != 500 || l.P99 < 100_000 {
		t.Errorf("%d requests, p99 %.0f µs: the stall is missing", l.Requests, l.P99)
	}
}

func TestOpenLoopRefusesErrors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = s.Serve(ln) }()
	defer s.Close()
	p := pool{list: []request{{raw: []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")}}}
	if _, err := openLoop(t.Context(), ln.Addr().String(), p, 100, 100*time.Millisecond); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v, want an error that names the status", err)
	}
}

func TestBetween(t *testing.T) {
	doc := "a\n<!-- bench: x -->\nold\n<!-- end -->\nb\n<!-- bench: y -->\nkept\n<!-- end -->\n"
	got, err := between(doc, "x", "new\n")
	if want := "a\n<!-- bench: x -->\n\nnew\n\n<!-- end -->\nb\n<!-- bench: y -->\nkept\n<!-- end -->\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	if again, err := between(got, "x", "new\n"); err != nil || again != got {
		t.Errorf("a second time: %q, %v", again, err)
	}
	if _, err := between(doc, "z", ""); err == nil {
		t.Error("a missing marker is an error")
	}
}

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 3: "3", 3.14159: "3.14", 31.4159: "31.4", 314.159: "314", 31415.9: "31,416", 1e6: "1,000,000"} {
		if got := number(x); got != want {
			t.Errorf("%v: %q, want %q", x, got, want)
		}
	}
}
