package record

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

// full is a record that has everything.
func full() *Record {
	return &Record{
		Time: time.Date(2026, 11, 30, 20, 15, 2, 123456000, time.UTC), RequestID: "0190-1", Generation: 3, Route: "shop", Policy: "shop", Mode: "block",
		ID: "attacks", Why: []string{"verdict", "score"}, Parts: "ABCEFHIJKZ", Message: "grpc",
		Client: Address{"192.0.2.7", 50123}, Server: Address{"198.51.100.1", 8080},
		TLS: &TLS{"1.3", "shop.test", "spiffe://a/b", "ab12"},
		Request: &Request{
			Method: "POST", Target: "/a?q=%27\xff", Protocol: "HTTP/1.1", Host: "shop.test",
			Headers:        []Field{{"Host", "shop.test"}, {"X-Bytes", "a\xfe\"\\\n\x01"}, {"Authorization", "[masked 20 bytes]"}},
			HeadersLeftOut: 2, MaskedHeaders: []string{"Authorization"}, TargetMasked: true, TargetCut: 7,
			Body:     &Body{Bytes: []byte("q=<script>\u2028\u00e4"), Size: 100, Unended: true, Cut: CutLimit, Decoded: "gzip", Masked: true, Inspected: 13},
			Files:    []File{{"upload", "a\xff.png", "image/png", 1234}},
			Trailers: []Field{{"Grpc-Status", "0"}},
		},
		Response: &Response{
			Status: 403, Reason: "No\xff", Protocol: "HTTP/1.1", By: "tier", Headers: []Field{{"Set-Cookie", "a=[masked 3 bytes]"}}, HeadersLeftOut: 1,
			MaskedHeaders: []string{"Set-Cookie"}, Body: &Body{Bytes: []byte{0, 0xff, 1}, Size: 3}, Trailers: []Field{{"A", "b"}},
		},
		Withheld: &Response{Status: 200, By: "upstream", Headers: []Field{}, Body: &Body{LeftOut: LeftBytes, Size: 9000}},
		Verdict:  "block", Coverage: "partial", CoverageReason: "oversize", Error: "x", AccessRule: "r", Score: &Score{15, 5, 0, 4}, Phase: 2, RuleID: 949110,
		Rules:        []Rule{{ID: 942100, Message: "SQL Injection", Severity: "critical", Phase: 2, Target: "ARGS:q", Value: "s&1c", Tags: []string{"attack-sqli"}}, {ID: 1}},
		RulesLeftOut: 4, Upstream: "shop", Endpoint: "10.0.0.1:80", Attempts: 2, BytesIn: 100, BytesOut: 3,
		Duration: 1234567 * time.Microsecond, UpstreamDuration: time.Microsecond,
	}
}

func TestRoundTrip(t *testing.T) {
	for name, r := range map[string]*Record{
		"everything": full(),
		"least":      {Time: time.Unix(0, 0).UTC(), Request: &Request{Headers: []Field{}}},
		"no body":    {Time: time.Unix(1, 0).UTC(), Request: &Request{Headers: []Field{}, Body: &Body{Bytes: []byte{}}}, Response: &Response{Headers: []Field{}}},
	} {
		text := r.Append(nil)
		if n := bytes.Count(text, []byte("\n")); n != 1 || text[len(text)-1] != '\n' {
			t.Errorf("%s: %d lines", name, n)
		}
		got, err := NewReader(bytes.NewReader(text)).Next()
		if err != nil {
			t.Fatalf("%s: %v in %s", name, err, text)
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("%s:\ngot  %+v\nwant %+v\nline %s", name, got, r, text)
		}
	}
}

func TestReader(t *testing.T) {
	one := string(full().Append(nil))
	read := func(text string) string {
		var said []string
		r := newReader(strings.NewReader(text), 1<<20)
		for {
			rec, err := r.Next()
			var wrong *LineError
			switch {
			case err == io.EOF:
				if r.Cut() {
					said = append(said, "cut")
				}
				return strings.Join(said, "; ")
			case errors.As(err, &wrong):
				said = append(said, err.Error())
			case err != nil:
				return "fails: " + err.Error()
			default:
				said = append(said, rec.Route)
			}
		}
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, one+one)
	_ = z.Close()
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":              {"", ""},
		"two":                  {one + one, "shop; shop"},
		"empty lines":          {"\n\r\n" + one + "\n  \n" + one, "shop; shop"},
		"the last without end": {one + strings.TrimSpace(one), "shop; shop"},
		"the last cut":         {one + one[:len(one)/2], "shop; cut"},
		"zeros at the end":     {one + "\x00\x00\x00\x00", "shop"},
		"other events":         {`{"event":"access","request":"GET","version":"x"}` + "\n" + one + `{"event":"security","rules":7}` + "\n", "shop"},
		"a cut line in between": {
			one + one[:40] + "\n" + one, "shop; line 2: not a record: unexpected end of JSON input; shop",
		},
		"a later version": {
			strings.Replace(one, `"version":1`, `"version":2`, 1) + one, "line 1: format of a later version: 2, this wafer reads 1; shop",
		},
		"no record":     {"{}\n[1]\nabc\n", `line 1: not a record: it has no "event"; line 2: not a record: "" is a array; line 3: not a record: invalid character 'a' looking for beginning of value`},
		"no request":    {`{"event":"record","version":1}` + "\n", `line 1: not a record: it has no "request"`},
		"a wrong type":  {`{"event":"record","version":1,"request":{"headers":7}}` + "\n", `line 1: not a record: "request.headers" is a number`},
		"half a field":  {`{"event":"record","version":1,"request":{"headers":[["a"]]}}` + "\n", `line 1: not a record: a header field is a name and a value, not 1 texts`},
		"an empty body": {`{"event":"record","version":1,"request":{"body":{}}}` + "\n", `line 1: not a record: a body has one of "text", "base64" and "left_out"`},
		"too long":      {`{"event":"` + strings.Repeat("x", 2<<20) + "\"}\n" + one, "line 1: longer than 64 MiB; shop"},
		"gzip":          {zipped.String(), "shop; shop"},
		"a cut gzip":    {zipped.String()[:zipped.Len()-12], "shop; shop; cut"},
	} {
		if got := read(tt.text); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestOffsets(t *testing.T) {
	one := string(full().Append(nil))
	r := NewReader(strings.NewReader("\n" + one + one))
	for i, want := range []int64{1, int64(1 + len(one))} {
		if _, err := r.Next(); err != nil || r.Line() != i+2 || r.Offset() != want {
			t.Errorf("line %d at %d, want %d at %d, %v", r.Line(), r.Offset(), i+2, want, err)
		}
	}
}

func TestSendable(t *testing.T) {
	q := Request{
		Headers: []Field{{"Content-Length", "9"}, {"A", "b"}, {"Content-Encoding", "gzip"}, {"transfer-encoding", "chunked"}},
		Body:    &Body{Bytes: []byte("x"), Decoded: "gzip", Cut: CutLimit, Masked: true},
	}
	if got := q.Sendable(); !reflect.DeepEqual(got, []Field{{"A", "b"}}) {
		t.Errorf("%v", got)
	}
	if got := strings.Join(q.Differs(), "; "); got != "body cut: limit; body masked" {
		t.Error(got)
	}
	if got := (&Request{Body: &Body{Bytes: []byte("x")}}).Differs(); got != nil {
		t.Error(got)
	}
}

// FuzzReader reads what nobody has written. What is read is written and read as the same again.
func FuzzReader(f *testing.F) {
	f.Add(full().Append(nil))
	f.Add([]byte(`{"event":"record","version":1,"request":{"target":{"base64":"/w=="},"headers":[["a","b"]],"body":{"text":"\ud800"}}}` + "\n{"))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newReader(bytes.NewReader(b), 1<<16)
		for range 1000 {
			rec, err := r.Next()
			var wrong *LineError
			if errors.As(err, &wrong) {
				continue
			}
			if err != nil {
				return
			}
			rec.Request.Differs()
			rec.Request.Sendable()
			first := rec.Append(nil)
			again, err := NewReader(bytes.NewReader(first)).Next()
			if err != nil {
				t.Fatalf("%v: %s", err, first)
			}
			if second := again.Append(nil); !bytes.Equal(first, second) {
				t.Fatalf("%s\n%s", first, second)
			}
		}
	})
}
