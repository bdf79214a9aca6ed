package reading

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// held is what a body makes of the memory of a Values: bytes of text in values and keys, counted once for
// each value, and how many there are.
func held(v *Values) (bytes, values int) {
	for _, x := range v.All() {
		bytes += len(x.Key) + len(x.Text)
	}
	return bytes, len(v.All())
}

// repeats are bodies made to cost more than their length: n says how long they get.
var repeats = map[string]struct {
	mediaType string
	body      func(n int) string
}{
	"deep paths": {"application/json", func(n int) string {
		return strings.Repeat(`{"a name of some length":[`, 200) + strings.Repeat("1,", n) + "1" + strings.Repeat("]}", 200)
	}},
	"many strings of JSON": {"application/json", func(n int) string {
		return `[` + strings.Repeat(`"[1,[2,{\"a\":3}]]",`, n/16) + `0]`
	}},
	"strings of JSON in strings": {"application/json", func(n int) string {
		inner := `[` + strings.Repeat(`1,`, n/8) + `2]`
		for range 5 {
			inner = fmt.Sprintf("[%q]", inner)
		}
		return inner
	}},
	"strings of broken JSON": {"application/json", func(n int) string {
		return `{"` + strings.Repeat("k", n) + `":[` + strings.Repeat(`"[1,1,1,1,1,1,1,1,1,x]",`, n/16) + `0]}`
	}},
	"lines that begin as JSON": {"text/plain", func(n int) string { return "{}\n" + strings.Repeat("[\n", n) }},
	"texts that begin as JSON": {"text/plain", func(n int) string { return "{}\n" + strings.Repeat("[1,2,3\n{}\n", n/8) }},
	"a form of JSON":           {"application/x-www-form-urlencoded", func(n int) string { return strings.Repeat("a=[[1],[2]]&", min(n/8, 900)) }},
	"a long name of JSON": {"application/x-www-form-urlencoded", func(n int) string {
		return strings.Repeat("k", n) + "=[" + strings.Repeat("1,", n/2) + "1]"
	}},
	"a form in JSON":      {"application/x-www-form-urlencoded", func(n int) string { return `{"a":"` + strings.Repeat("&b=c", n/4) + `"}` }},
	"lines of pairs":      {"text/plain", func(n int) string { return strings.Repeat("a=b\n", n/4) + " " }},
	"packets":             {"text/plain", func(n int) string { return strings.Repeat("42[1]\x1e", n/6) }},
	"packets that fail":   {"text/plain", func(n int) string { return strings.Repeat("4/a,2[1]\x1e", n/8) + "[" }},
	"messages in another": {"application/x-protobuf", func(n int) string { return nestedMessages(n, 40) }},
	"messages that fail":  {"application/octet-stream", func(n int) string { return nestedMessages(n, 40) + "\x0b" }},
	"texts in a message":  {"application/x-protobuf", func(n int) string { return strings.Repeat("\x0a\x02\x01a", n/4) }},
	"lists of MessagePack": {"application/msgpack", func(n int) string {
		return strings.Repeat("\x91", n/2) + strings.Repeat("\x81\xa1a\xa1b", n/10)
	}},
	"frames":      {"application/grpc", func(n int) string { return strings.Repeat("\x00\x00\x00\x00\x03\x0a\x01a", n/8) }},
	"angles":      {"application/octet-stream", func(n int) string { return "\x00\x01\x02" + strings.Repeat("<%\x00", n/3) }},
	"active":      {"application/octet-stream", func(n int) string { return "\x89PNG\x00" + strings.Repeat("<?php \x01", n/7) }},
	"UTF-16":      {"application/json", func(n int) string { return "[\x00\"\x00" + strings.Repeat("\x00d", n/2) + "\"\x00]\x00" }},
	"no XML":      {"text/plain", func(n int) string { return strings.Repeat("<a>", n/3) }},
	"half tables": {"text/plain", func(n int) string { return strings.Repeat("--a\r\nContent-Disposition: x\r\n", n/28) }},
}

func nestedMessages(n, depth int) string {
	s := strings.Repeat("\x0a\x03abc\x10\x01", n/7)
	for range depth {
		length := ""
		for k := len(s); ; k >>= 7 {
			if k < 0x80 {
				length += string([]byte{byte(k)})
				break
			}
			length += string([]byte{byte(k) | 0x80})
		}
		s = "\x0a" + length + s
	}
	return s
}

// TestRepeats holds that what is read grows with the body and no faster.
func TestRepeats(t *testing.T) {
	v := new(Values)
	for name, r := range repeats {
		t.Run(name, func(t *testing.T) {
			var bytes, length [2]int
			for i, n := range []int{20_000, 40_000} {
				body := []byte(r.body(n))
				readBody(v, r.mediaType, body)
				length[i] = len(body)
				bytes[i], _ = held(v)
				if most := 100*len(body) + 200<<10; bytes[i] > most {
					t.Errorf("%d bytes of values for a body of %d", bytes[i], len(body))
				}
			}
			if float64(bytes[1]) > 1.15*float64(bytes[0])*float64(length[1])/float64(length[0])+64<<10 {
				t.Errorf("bodies of %d bytes make %d of values", length, bytes)
			}
		})
	}
}

// TestManyValues holds that documents as people make them are inspected to their end, whatever they hold
// and however deep.
func TestManyValues(t *testing.T) {
	v := new(Values)
	for name, body := range map[string]string{
		"5,000 values": `{"rows":[` + strings.Repeat(`{"id":1,"name":"x","on":true,"at":"2026-01-01","n":null},`, 999) + `{"last":"end"}]}`,
		"a map": `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[[[` +
			strings.Repeat(`[13.5,52.25],`, 10_000) + `[0,0]]]]}}],"last":"end"}`,
		"deep": strings.Repeat(`{"attributes":{"relationships":[`, 100) + `{"x":"` + strings.Repeat("prose ", 3000) + `"},"end"` +
			strings.Repeat("]}}", 100),
		"small numbers": `{"state":{"canvas":{"layers":{"background":{"pixels":[` + strings.Repeat("1,", 20_000) + `1]}}}},"last":"end"}`,
	} {
		t.Run(name, func(t *testing.T) {
			readBody(v, "application/json", []byte(body))
			if why := refused(v); why != "" {
				t.Fatal("refused: " + why)
			}
			if !shownBy(v).texts["end"] {
				t.Error("the end is not shown")
			}
			bytes, values := held(v)
			t.Logf("%d bytes of JSON: %d values of %d bytes", len(body), values, bytes)
		})
	}
	readBody(v, "application/json", []byte("["+strings.Repeat("1,", maxValues)+"1]"))
	if v.Text(ArgumentsLimitReached) != "1" || len(v.Of(ArgsPost)) != maxValues {
		t.Errorf("%d values, limit reached: %s", len(v.Of(ArgsPost)), v.Text(ArgumentsLimitReached))
	}
	readBody(v, "application/json", []byte(strings.Repeat("[", maxDepth+1)+strings.Repeat("]", maxDepth+1)))
	if !strings.Contains(refused(v), "nests deep") {
		t.Errorf("deep JSON: refused %q", refused(v))
	}
	readBody(v, "application/json", []byte(strings.Repeat("[", maxDepth)+strings.Repeat("]", maxDepth)))
	if why := refused(v); why != "" {
		t.Errorf("JSON of %d levels: refused %q", maxDepth, why)
	}
}

// TestNamesOfLargeJSON holds that a name is seen although keys have become short before it.
func TestNamesOfLargeJSON(t *testing.T) {
	long := strings.Repeat(`{"a name of some length":[`, 100) + strings.Repeat("1,", 5000) + "1" + strings.Repeat("]}", 100)
	body := `{"long":` + long + `,"<a>":1,"<b>":{"<c>":"x","<d>":{}},"<e>":[[2]],"<f>":"{\"<g>\":{\"<h>\":1}}"}`
	v := new(Values)
	readBody(v, "application/json", []byte(body))
	if why := refused(v); why != "" {
		t.Fatal(why)
	}
	for _, name := range strings.Fields("<a> <b> <c> <d> <e> <f> <g> <h>") {
		if !contains(shownBy(v).names, name) {
			t.Errorf("%s is not shown", name)
		}
	}
}

// TestTypesWarm holds that most ordinary bodies need no memory once a Values has seen them.
func TestTypesWarm(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "types", "ordinary", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		x := readTyped(t, file)
		v := new(Values)
		r := &Request{Method: "POST", Target: "/", Protocol: "HTTP/1.1", ID: "id", Headers: []Header{{Name: "Content-Type", Value: x.mediaType}}}
		run := func() {
			v.Head(r)
			v.Body(v.Text(ReqbodyProcessor), x.mediaType, x.data, true)
		}
		for range 3 {
			run()
		}
		most := 0.0
		switch {
		case strings.Contains(x.want, "protobuf.5.json"): // JSON inside another format has a path of its own
			most = 1
		case strings.HasPrefix(x.want, "as RAW\nARGS_POST:body = \"<"): // why it is no XML is written down
			most = 8
		}
		if n := testing.AllocsPerRun(20, run); n > most {
			t.Errorf("%s: %v allocations", filepath.Base(file), n)
		}
	}
}
