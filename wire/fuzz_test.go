package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// addCases seeds with the inputs of the table.
func addCases(f *testing.F, add func(input []byte)) {
	f.Helper()
	files, err := filepath.Glob("testdata/requests/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	t := new(testing.T)
	for _, file := range files {
		for _, c := range readCases(t, file) {
			if input := bytes.Join(c.writes, nil); len(input) < 2000 {
				add(input)
			}
		}
	}
}

// agree checks that the outcome does not depend on how the input is cut and read.
func agree(t *testing.T, o Options, input, sizes []byte) outcome {
	t.Helper()
	want := serve(t, o, cut(input, len(input)), 64<<10)
	same := func(how string, pieces [][]byte, buffer int) {
		t.Helper()
		if got := serve(t, o, pieces, buffer); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %q\n got %+v\nwant %+v", how, input, got, want)
		}
	}
	var steps []int
	for _, s := range sizes {
		steps = append(steps, int(s))
	}
	steps = append(steps, 7)
	same("in pieces", cut(input, steps...), 64<<10)
	same("in pieces, smaller buffer", cut(input, steps...), directRead)
	same("in pieces, tiny buffer", cut(input, steps...), steps[0]+1)
	same("byte by byte", cut(input, 1), 64<<10)
	same("read byte by byte", cut(input, len(input)), 1)
	return want
}

func FuzzConn(f *testing.F) {
	addCases(f, func(input []byte) { f.Add(input, []byte{3, 100, 1}) })
	f.Add([]byte(plain+string(browserHead)+plain), []byte{})
	f.Fuzz(func(t *testing.T, input, sizes []byte) {
		if len(input) > 1<<16 {
			return
		}
		got := agree(t, Options{HeadBytes: 4096, Fields: 20, TargetBytes: 1024}, input, sizes)
		for _, m := range got.messages {
			checkMessage(t, []byte(m), true)
		}
		if got.partial != "" {
			checkMessage(t, []byte(got.partial), false)
		}
	})
}

// checkMessage checks that a delivered message means the same to its bytes, to net/http
// and to fasthttp.
func checkMessage(t *testing.T, m []byte, whole bool) {
	t.Helper()
	headBytes, body, ok := bytes.Cut(m, []byte("\r\n\r\n"))
	if !ok {
		t.Fatalf("part of a head delivered: %q", m)
	}
	lines := strings.Split(string(headBytes), "\r\n")
	words := strings.Split(lines[0], " ")
	if len(words) != 3 {
		t.Fatalf("request line %q", lines[0])
	}
	method, target := words[0], words[1]
	fields := http.Header{}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(line, "\r\n\x00\x7f") || strings.ContainsAny(name, " \t") || name == "" {
			t.Fatalf("field line %q", line)
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		fields[name] = append(fields[name], strings.Trim(value, " \t"))
	}
	checkNetHTTP(t, m, method, target, fields, body, whole)

	var fh fasthttp.RequestHeader
	if err := fh.Read(bufio.NewReaderSize(bytes.NewReader(m), 64<<10)); err != nil {
		return // refused with 400, not misread
	}
	length := fh.ContentLength()
	switch {
	case fields.Get("Transfer-Encoding") != "":
		length = -1
	case fields.Get("Content-Length") != "" && whole:
		length = len(body)
	case length > 0 && whole:
		t.Fatalf("fasthttp expects a body of %d behind %q", length, m)
	}
	if string(fh.Method()) != method || string(fh.RequestURI()) != target || fh.ContentLength() != length || string(fh.Protocol()) != words[2] {
		t.Fatalf("fasthttp reads %q as %s %s with %d bytes", m, fh.Method(), fh.RequestURI(), fh.ContentLength())
	}
	if raw := strings.TrimPrefix(string(m[:len(headBytes)+4]), lines[0]+"\r\n"); string(fh.RawHeaders()) != raw && raw != "\r\n" {
		t.Fatalf("fasthttp has raw fields %q, want %q", fh.RawHeaders(), raw)
	}
}

func checkNetHTTP(t *testing.T, m []byte, method, target string, fields http.Header, body []byte, whole bool) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(m))
	req, err := http.ReadRequest(r)
	var bad *url.Error
	if errors.As(err, &bad) {
		// What url.Parse says of a target is not about framing.
		replaced := bytes.Replace(m, []byte(" "+target+" "), []byte(" / "), 1)
		target = "/"
		r = bufio.NewReader(bytes.NewReader(replaced))
		req, err = http.ReadRequest(r)
	}
	if err != nil {
		if strings.Contains(err.Error(), "bad trailer key") {
			return
		}
		t.Fatalf("net/http refuses %q: %v", m, err)
	}
	if req.Method != method || req.RequestURI != target {
		t.Fatalf("net/http reads %q as %s %s", m, req.Method, req.RequestURI)
	}
	for name, want := range fields {
		switch name {
		case "Host":
			if !strings.Contains(target, "://") && req.Host != want[0] {
				t.Fatalf("net/http reads %q with Host %q", m, req.Host)
			}
			continue
		case "Transfer-Encoding", "Trailer", "Cache-Control":
			continue // moved or made up
		}
		if !reflect.DeepEqual(req.Header[name], want) {
			t.Fatalf("net/http reads %q with %s %q", m, name, req.Header[name])
		}
	}
	for name := range req.Header {
		if fields[name] == nil && name != "Cache-Control" {
			t.Fatalf("net/http reads %q with %s", m, name)
		}
	}
	got, err := io.ReadAll(req.Body)
	switch {
	case !whole && err == nil:
		t.Fatalf("net/http takes %q for whole", m)
	case !whole:
		return
	case err != nil:
		t.Fatalf("net/http refuses the body of %q: %v", m, err)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Fatalf("net/http leaves something of %q", m)
	}
	if fields.Get("Transfer-Encoding") == "" && !bytes.Equal(got, body) {
		t.Fatalf("net/http reads the body of %q as %q", m, got)
	}
	if len(req.Trailer) > 0 && req.Header.Get("Trailer") == "" {
		for name, values := range req.Trailer {
			if values != nil {
				t.Fatalf("trailer %s delivered: %q", name, m)
			}
		}
	}
}

// FuzzChunked is about bodies, which FuzzConn seldom gets to.
func FuzzChunked(f *testing.F) {
	addCases(f, func(input []byte) {
		if body, ok := bytes.CutPrefix(input, []byte(chunkedHead)); ok {
			f.Add(body, []byte{5, 1, 40})
		}
	})
	f.Fuzz(func(t *testing.T, body, sizes []byte) {
		if len(body) > 1<<16 {
			return
		}
		got := agree(t, Options{}, append([]byte(chunkedHead), body...), sizes)
		delivered, whole := got.partial, len(got.messages) > 0
		if whole {
			delivered = got.messages[0]
		}
		checkMessage(t, []byte(delivered), whole)
		delivered, ok := strings.CutPrefix(delivered, chunkedHead)
		if !ok || whole && !strings.HasSuffix(delivered, lastChunk) {
			t.Fatalf("%q: %+v", body, got)
		}
		// Up to the last chunk nothing was changed.
		if whole {
			delivered = strings.TrimSuffix(delivered, lastChunk)
		}
		if !bytes.HasPrefix(body, []byte(delivered)) {
			t.Fatalf("%q: delivered %q", body, delivered)
		}
	})
}

// FuzzTarget compares the request line with what net/url and net/http make of it.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"/", "*", "//evil.test/x?u=http://y", "http://h/", "http://u@h/", "https://h?a", "/%zz#", "h:80", "http://h\\@g/", "/a b"} {
		f.Add("GET", s)
		f.Add("OPTIONS", s)
	}
	f.Fuzz(func(t *testing.T, method, target string) {
		line := method + " " + target + " HTTP/1.1"
		if strings.ContainsAny(line, "\r\n") {
			return
		}
		s, v := readStartLine([]byte(line), 1024)
		input := line + "\r\nHost: h\r\n\r\n"
		got := serve(t, Options{TargetBytes: 1024}, [][]byte{[]byte(input)}, 64<<10)
		if v != nil {
			if got.violation == nil || got.delivered != "" {
				t.Fatalf("%q: %v, but %+v", line, v, got)
			}
			return
		}
		if len(target) > 1024 || len(method) > maxMethod || strings.Contains(target, "#") || !s.absolute && target != "*" && target[0] != '/' {
			t.Fatalf("%q accepted", line)
		}
		if !s.absolute {
			return
		}
		u, err := url.Parse(target)
		if err != nil {
			return
		}
		if u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			t.Fatalf("%q: net/url says %+v", line, u)
		}
		// The authority that does not say "h" to both is not delivered.
		if got.violation == nil && (!strings.EqualFold(u.Host, "h") || !strings.EqualFold(string(s.authority), "h")) {
			t.Fatalf("%q delivered: authority %q, net/url says %q", input, s.authority, u.Host)
		}
	})
}
