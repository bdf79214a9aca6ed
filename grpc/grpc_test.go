package grpc

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/wafer-waf/wafer/message"
)

func TestFormOf(t *testing.T) {
	for contentType, want := range map[string]Form{
		"application/grpc": Plain, "application/grpc+proto": Plain, "Application/gRPC+json; charset=utf-8": Plain, " application/grpc ;x": Plain,
		"application/grpc-web": Web, "application/grpc-web+proto": Web, "application/grpc-WEB;q=1": Web,
		"application/grpc-web-text": WebText, "application/grpc-web-text+proto": WebText,
		"": None, "application/json": None, "application/grpcx": None, "application/grpc-web-proto": None, "application/grp": None, "text/application/grpc": None,
	} {
		if got := FormOf(contentType); got != want {
			t.Errorf("%q: %d, want %d", contentType, got, want)
		}
	}
}

func TestPrefix(t *testing.T) {
	p := Prefix{Compressed, 1 << 20}
	if b := p.Append(nil); len(b) != PrefixBytes || ParsePrefix(b) != p {
		t.Errorf("% x", b)
	}
	for flags, want := range map[byte][2]bool{0: {true, true}, 1: {true, true}, 0x80: {false, true}, 0x81: {false, true}, 2: {false, false}, 0xff: {false, false}} {
		p := Prefix{Flags: flags}
		if got := [2]bool{p.Valid(Plain), p.Valid(Web)}; got != want {
			t.Errorf("flags %#x: %v", flags, got)
		}
	}
}

func TestCodeOf(t *testing.T) {
	for status, want := range map[int]Code{
		400: 13, 401: 16, 403: 7, 404: 12, 408: 4, 413: 8, 415: 12, 421: 14, 429: 8, 431: 8, 499: 1, 500: 13, 502: 14, 503: 14, 504: 4, 418: 2,
	} {
		if got := CodeOf(status); got != want {
			t.Errorf("%d: %d, want %d", status, got, want)
		}
	}
}

func TestMessages(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "all well": "all well", "100%": "100%25", "zwei\nZeilen": "zwei%0AZeilen", "ä": "%C3%A4", "\x7f~": "%7F~",
	} {
		if got := EncodeMessage(text); got != want {
			t.Errorf("encode %q: %q, want %q", text, got, want)
		}
		if got := DecodeMessage(want); got != text {
			t.Errorf("decode %q: %q, want %q", want, got, text)
		}
	}
	for text, want := range map[string]string{"%": "%", "%4": "%4", "%zz%41": "%zzA", "%+1": "%+1"} {
		if got := DecodeMessage(text); got != want {
			t.Errorf("decode %q: %q, want %q", text, got, want)
		}
	}
	if got := End(PermissionDenied, "id\n"); got.Get("Grpc-Status") != "7" || got.Get(MessageField) != "id%0A" {
		t.Errorf("%v", got)
	}
}

func TestParseTimeout(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1H": time.Hour, "2M": 2 * time.Minute, "3S": 3 * time.Second, "40m": 40 * time.Millisecond, "5u": 5 * time.Microsecond, "6n": 6, "0S": 0, "99999999S": 99999999 * time.Second,
	} {
		if got, ok := ParseTimeout(text); !ok || got != want {
			t.Errorf("%q: %v %t, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "S", "1", "1s", "-1S", "1.5S", "123456789S", "1 S", "99999999H"} {
		if got, ok := ParseTimeout(text); ok {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestTrailers(t *testing.T) {
	want := message.Fields{{Name: "grpc-status", Value: "7"}, {Name: "grpc-message", Value: "a: b"}}
	frame := AppendTrailers([]byte("x"), want)[1:]
	p := ParsePrefix(frame)
	got, ok := ParseTrailers(frame[PrefixBytes:])
	if p.Flags != Trailers || int(p.Length) != len(frame)-PrefixBytes || !ok || !slices.Equal(got, want) {
		t.Errorf("%+v %q %v", p, frame, got)
	}
	for text, want := range map[string]bool{
		"": true, "a:b": true, "a:\r\nb: c\r\n\r\n": true, "a: b\n": true, "no colon\r\n": false, "a: b\rc\r\n": false, ": b": false, "a\r\n\r\nb: c": false, "b c: d": false,
	} {
		if _, ok := ParseTrailers([]byte(text)); ok != want {
			t.Errorf("%q: %t", text, ok)
		}
	}
}

func TestTextReader(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "YQ==": "a", "YWI=": "ab", "YWJj": "abc", "YQ==YWI=YWJj": "aababc", "YQ": "a", "YWI": "ab", "YWJjYQ": "abca", "YR==": "a", // bits that say nothing
	} {
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text)), "end with data": iotest.DataErrReader(strings.NewReader(text)),
		} {
			if got, err := io.ReadAll(NewTextReader(r)); err != nil || string(got) != want {
				t.Errorf("%q, %s: %q, %v", text, name, got, err)
			}
		}
	}
	for text, before := range map[string]string{"Y": "", "=": "", "Y===": "", "YQ=": "a", "YQ=YQ==": "a", "YQ===": "a", "YWJj\n": "abc", "YW-j": "a", "YWJjY": "abc"} {
		if got, err := io.ReadAll(NewTextReader(strings.NewReader(text))); !errors.Is(err, ErrText) || string(got) != before {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	failure := errors.New("broke off")
	if got, err := io.ReadAll(NewTextReader(io.MultiReader(strings.NewReader("YWJj"), iotest.ErrReader(failure)))); !errors.Is(err, failure) || string(got) != "abc" {
		t.Errorf("%q, %v", got, err)
	}
}

// What is decoded is what the standard library decodes, and nothing is taken for Base64 that it refuses, but for
// texts that follow one another and missing padding.
func FuzzText(f *testing.F) {
	f.Add([]byte("a"), []byte("bc"), "YQ==")
	f.Fuzz(func(t *testing.T, a, b []byte, text string) {
		got, err := io.ReadAll(NewTextReader(iotest.HalfReader(bytes.NewReader(AppendText(AppendText(nil, a), b)))))
		if err != nil || !bytes.Equal(got, append(slices.Clone(a), b...)) {
			t.Fatalf("%q %q: %q, %v", a, b, got, err)
		}
		got, err = io.ReadAll(NewTextReader(strings.NewReader(text)))
		if want, refused := base64.StdEncoding.DecodeString(text); refused == nil && !strings.ContainsAny(text, "\r\n") && (err != nil || !bytes.Equal(got, want)) {
			t.Fatalf("%q: %q, %v, want %q", text, got, err, want)
		}
		if err == nil {
			again, err := io.ReadAll(NewTextReader(bytes.NewReader(AppendText(nil, got))))
			if err != nil || !bytes.Equal(again, got) {
				t.Fatalf("%q: %q, then %q", text, got, again)
			}
		}
	})
}

func FuzzTrailers(f *testing.F) {
	f.Add("grpc-status", "0", []byte("a: b\r\n"))
	f.Fuzz(func(t *testing.T, name, value string, frame []byte) {
		if fields, ok := ParseTrailers(frame); ok {
			again, ok := ParseTrailers(AppendTrailers(nil, fields)[PrefixBytes:])
			if !ok || !slices.Equal(again, fields) {
				t.Fatalf("%q: %q, then %q", frame, fields, again)
			}
		}
		if got := DecodeMessage(EncodeMessage(value)); got != value {
			t.Fatalf("%q: %q", value, got)
		}
		FormOf(name)
		_, _ = ParseTimeout(value)
	})
}
