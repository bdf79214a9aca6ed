package main

import (
	"bytes"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/corpus"
)

// TestLibrary asks for requests in portions, as pools of different sizes do.
func TestLibrary(t *testing.T) {
	l, err := newLibrary()
	if err != nil {
		t.Fatal(err)
	}
	few, err := l.take("thumbnail", 5)
	if err != nil {
		t.Fatal(err)
	}
	more, err := l.take("thumbnail", 30)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(few, more[:5]) {
		t.Error("who asks for more gets others")
	}
	if j := l.verdict["thumbnail"]; j.Refused == 0 || j.Asked != 30+j.Refused || j.Matched < j.Refused || j.Bytes < 2000*j.Asked {
		t.Errorf("%+v: some are pictures as data: URLs, which the rules refuse", j)
	}
	for _, r := range more {
		if bytes.Contains(r.Body, []byte("data:image")) {
			t.Errorf("kept, though the rules refuse it: %.80s", r.Body)
		}
	}
}

func TestPool(t *testing.T) {
	l, err := newLibrary()
	if err != nil {
		t.Fatal(err)
	}
	m := corpus.Mix{Name: "m", Parts: []corpus.Part{{Kind: "get", Percent: 90}, {Kind: corpus.Attack, Percent: 10}}}
	p, err := l.pool(m, 100, thousandHosts)
	if err != nil {
		t.Fatal(err)
	}
	inspects, plain := &server{inspects: true}, &server{}
	refused := 0
	for i, r := range p.list {
		if want := "\r\nHost: " + thousandHosts(i) + "\r\n"; !r.attack && !bytes.Contains(r.raw, []byte(want)) {
			t.Errorf("request %d has another host", i)
		}
		if inspects.wants(r) == 403 {
			refused++
		}
		if plain.wants(r) != 200 {
			t.Error("a server that does not inspect refuses nothing")
		}
	}
	if refused != 10 || p.attacks() != 10 {
		t.Errorf("%d refused, %d attacks, want 10", refused, p.attacks())
	}
	if rest := p.without(map[string]bool{string(p.list[7].raw): true}); len(rest.list) != 99 || string(rest.list[7].raw) != string(p.list[8].raw) {
		t.Errorf("%d left", len(rest.list))
	}
}

// TestClosedLoop has a server that answers one request in four as it should not.
func TestClosedLoop(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served atomic.Int64
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		if r.URL.Path != "/" {
			w.WriteHeader(http.StatusForbidden)
		}
	})}
	go func() { _ = s.Serve(ln) }()
	defer s.Close()
	v := &server{addr: ln.Addr().String(), inspects: true}
	good := request{raw: []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")}
	attack := request{raw: []byte("GET /x HTTP/1.1\r\nHost: a\r\n\r\n"), attack: true}
	r, err := closedLoop(t.Context(), v, pool{list: []request{good, attack}}, 3, 50*time.Millisecond)
	if err != nil || r.Requests != int(served.Load()) || r.Refused < r.Requests/2-3 || r.Refused > r.Requests/2+3 {
		t.Errorf("%+v, %v; the server has seen %d", r, err, served.Load())
	}
	if _, err := closedLoop(t.Context(), v, pool{list: []request{good, {raw: attack.raw}}}, 3, 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "status 403, want 200") {
		t.Errorf("got %v, want an error that names the status", err)
	}
}

// TestClosedByServer has a server that closes every connection after an answer and does not
// say so before.
func TestClosedByServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	connections := make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1000))
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
			_ = conn.Close()
			connections <- conn
		}
	}()
	c := &client{addr: ln.Addr().String()}
	defer c.close()
	for range 3 {
		if status, err := c.do([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")); status != 200 || err != nil {
			t.Fatalf("got %d, %v", status, err)
		}
		<-connections
	}
}

// TestOpenLoopSeesStalls has a server that stands still for 200 ms at its first request. A loader
// that waits for answers would see that in one request; here it is in all that fell due meanwhile,
// at least half of it in every one of the first fifty. A slow machine only makes them more.
func TestOpenLoopSeesStalls(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var first sync.Once
	s := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		first.Do(func() { <-time.After(200 * time.Millisecond) })
	})}
	go func() { _ = s.Serve(ln) }()
	defer s.Close()
	p := pool{list: []request{{raw: []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")}}}
	shots, err := shoot(t.Context(), ln.Addr().String(), p, 1, 500, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	stalled := 0
	for _, took := range shots.took {
		if took >= 100*time.Millisecond {
			stalled++
		}
	}
	if n := len(shots.took); n != 500 || stalled < 50 {
		t.Errorf("%d requests, the stall is in %d of them", n, stalled)
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
	if _, err := openLoop(t.Context(), &server{addr: ln.Addr().String()}, p, 100, 100*time.Millisecond); err == nil || !strings.Contains(err.Error(), "404") {
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

// The functions that count what belongs to a request are there, and each returns at once where nothing is to be told.
func TestSilenced(t *testing.T) {
	for file, functions := range uncounted {
		text, err := silenced("../"+file, functions)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("{\n\treturn\n")); n != len(functions) {
			t.Errorf("%s: %d functions return at once", file, n)
		}
	}
}
