package record

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

// update has the tests write testdata/export.* anew.
var update = flag.Bool("update", false, "write testdata/export.* anew")

// golden compares text, which has to be JSON, with a file.
func golden(t *testing.T, file string, text []byte) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if *update {
		if err := os.WriteFile(file, indented.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(indented.Bytes(), want) {
		t.Errorf("%s (%v) differs:\n%s", file, err, indented.Bytes())
	}
}

func TestExports(t *testing.T) {
	r := full()
	r.Request.Headers = append(r.Request.Headers, Field{"x-bytes", "another"}, Field{"cookie", "basket=7; lang=de; odd"})
	r.Response.Headers = append(r.Response.Headers, Field{"Set-Cookie", "seen=1; Path=/; HttpOnly"})
	golden(t, "testdata/export.modsecurity.json", r.ModSecurity(nil))

	var out bytes.Buffer
	h := NewHAR(&out, "1.2.3")
	for _, one := range []*Record{r, {Request: &Request{Method: "GET", Target: "/", Host: "a.test", Protocol: "HTTP/2.0"}}} {
		if err := h.Write(one); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.End(); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/export.har", out.Bytes())

	out.Reset()
	if err := NewHAR(&out, "1").End(); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("%v: %s", err, out.Bytes())
	}
}
