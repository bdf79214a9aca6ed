package corpus

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func mustOrdinary(t *testing.T, kind string, n int) []Request {
	t.Helper()
	list, err := Ordinary(kind, n)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestOrdinary holds every kind to what the package promises: different requests, the same
// ones in every run, and each of them one that its reader understands.
func TestOrdinary(t *testing.T) {
	sizes := map[string][2]int{ // of bodies, where a name promises one
		"checkout": {800, 1300}, "order": {1800, 2600}, "bulk": {11000, 15000},
		"json-100B": {60, 140}, "json-1KB": {800, 1300}, "json-10KB": {9000, 12000}, "json-100KB": {90000, 110000},
	}
	for _, kind := range Kinds() {
		n := 100
		if kind == "json-100KB" {
			n = 4
		}
		list, seen := mustOrdinary(t, kind, n), map[string]bool{}
		if !reflect.DeepEqual(list, mustOrdinary(t, kind, n)) {
			t.Errorf("%s: a second call returns something else", kind)
		}
		for i, r := range list {
			if seen[string(r.Bytes())] {
				t.Errorf("%s %d occurs twice", kind, i)
			}
			seen[string(r.Bytes())] = true
			if err := understood(r); err != nil {
				t.Errorf("%s %d: %v\n%s", kind, i, err, r.Bytes())
			}
			if want, ok := sizes[kind]; ok && (len(r.Body) < want[0] || len(r.Body) > want[1]) {
				t.Errorf("%s %d: body of %d bytes, want %d to %d", kind, i, len(r.Body), want[0], want[1])
			}
		}
	}
	if _, err := Ordinary("nothing", 1); err == nil {
		t.Error("an unknown kind is an error")
	}
}

// understood reads a request as a server does, and its body to the end.
func understood(r Request) error {
	in := bufio.NewReader(bytes.NewReader(r.Bytes()))
	req, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	if _, err := url.ParseQuery(req.URL.RawQuery); err != nil {
		return err
	}
	mediaType, params, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	switch mediaType {
	case "application/json":
		if !utf8.Valid(body) {
			return io.ErrUnexpectedEOF
		}
		return json.Unmarshal(body, new(any))
	case formType:
		_, err = url.ParseQuery(string(body))
	case "multipart/form-data":
		_, err = multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(1 << 20)
	}
	return err
}

// TestValues is about what engines count: values of a document.
func TestValues(t *testing.T) {
	for kind, want := range map[string][2]int{"order": {80, 100}, "bulk": {240, 290}, "json-100KB": {400, 900}} {
		for _, r := range mustOrdinary(t, kind, 3) {
			var v any
			if err := json.Unmarshal(r.Body, &v); err != nil {
				t.Fatal(err)
			}
			if n := values(v); n < want[0] || n > want[1] {
				t.Errorf("%s: %d values, want %d to %d", kind, n, want[0], want[1])
			}
		}
	}
}

func values(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			n += values(e)
		}
	case []any:
		for _, e := range v {
			n += values(e)
		}
	default:
		return 1
	}
	return n
}

func TestMixes(t *testing.T) {
	for _, m := range []Mix{Benign, Mixed, Siege} {
		count, total := map[string]int{}, 0
		for _, kind := range m.Kinds(300) {
			count[kind]++
		}
		for _, p := range m.Parts {
			total += p.Percent
			if count[p.Kind] != 3*p.Percent {
				t.Errorf("%s: %d of 300 are %s, want %d %%", m.Name, count[p.Kind], p.Kind, p.Percent)
			}
			if p.Kind != Attack {
				mustOrdinary(t, p.Kind, 1)
			}
		}
		if total != 100 {
			t.Errorf("%s adds up to %d %%", m.Name, total)
		}
	}
	if got := Mixed.String(); got != "80 % get, 10 % checkout, 5 % order, 5 % attack" {
		t.Error(got)
	}
}

func TestAttacks(t *testing.T) {
	list, err := Attacks()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 3000 {
		t.Errorf("%d attacks, want 3000 at least", len(list))
	}
	for _, r := range list {
		if r.Kind != Attack || !strings.Contains(r.Source, "-") {
			t.Errorf("%s: kind %s", r.Source, r.Kind)
		}
	}
}

func TestAt(t *testing.T) {
	r := mustOrdinary(t, "get", 1)[0]
	other := r.At("other.example.com")
	if !strings.Contains(string(other.Bytes()), "\r\nHost: other.example.com\r\n") || !strings.Contains(string(r.Bytes()), "\r\nHost: "+Host+"\r\n") {
		t.Errorf("%s\n%s", r.Bytes(), other.Bytes())
	}
}
