package waf

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCompleteJSON(t *testing.T) {
	for prefix, want := range map[string]string{
		``:                        ``,
		`{`:                       `{}`,
		`[`:                       `[]`,
		`{"a`:                     `{"a":0}`,
		`{"a"`:                    `{}`,
		`{"a":`:                   `{}`,
		`{"a":"x`:                 `{"a":"x"}`,
		`{"a":"x\`:                `{"a":"x"}`,
		`{"a":"x\\`:               `{"a":"x\\"}`,
		`{"a":"x\u00`:             `{"a":"x"}`,
		`{"a":"x\u00e9`:           `{"a":"x\u00e9"}`,
		`{"a":"x"`:                `{"a":"x"}`,
		`{"a":"x",`:               `{"a":"x"}`,
		`{"a":"x","b`:             `{"a":"x","b":0}`,
		`{"a":"x","b":`:           `{"a":"x"}`,
		`{"a":1`:                  `{}`,
		`{"a":1,`:                 `{"a":1}`,
		`{"a":tru`:                `{}`,
		`{"a":true ,"b":[1,2,"<s`: `{"a":true ,"b":[1,2,"<s"]}`,
		`[1,{"a":[{"b":{}}`:       `[1,{"a":[{"b":{}}]}]`,
		`[1,[2],`:                 `[1,[2]]`,
		`{"a":"}]\"{"`:            `{"a":"}]\"{"}`,
		`[ "a" , "b`:              `[ "a" , "b"]`,
	} {
		if got := string(completeJSON([]byte(prefix), 1<<20)); got != want {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
	}
}

// The beginning of a JSON text, wherever it is cut, is completed to one that is valid,
// begins like it and respects the limit.
func FuzzCompleteJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,"x\\\"é\u0041",{"b":null}],"c":{"d":true,"e":[]},"":"z"}`, `[[],{},"",0]`, ` { "k" : [ "v" , { } ] } `, `"s"`, `12`} {
		for cut := range len(s) {
			f.Add(s, cut)
		}
	}
	f.Fuzz(func(t *testing.T, text string, cut int) {
		if !json.Valid([]byte(text)) || cut < 0 || cut > len(text) {
			return
		}
		if s := strings.TrimSpace(text); !strings.HasPrefix(s, "{") && !strings.HasPrefix(s, "[") {
			return
		}
		prefix := []byte(text[:cut])
		if !strings.ContainsAny(string(prefix), "{[") {
			return
		}
		got := completeJSON(prefix, 1<<20)
		if !json.Valid(got) {
			t.Fatalf("%q became %q", prefix, got)
		}
		if short := completeJSON(prefix, len(prefix)); len(short) > len(prefix) || len(short) > 0 && !json.Valid(short) {
			t.Fatalf("%q became %q, in %d bytes", prefix, short, len(prefix))
		}
	})
}

func TestCompleteMultipart(t *testing.T) {
	const kind = `multipart/form-data; boundary="b-1"`
	const one = "--b-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx"
	for prefix, want := range map[string]string{
		one:                                one + "\r\n--b-1--\r\n",
		one + "\r\n--b":                    one + "\r\n--b\r\n--b-1--\r\n",
		one + "\r\n--b-1\r\nContent-Dispo": one + "\r\n--b-1--\r\n",
		"--b-1\r\nContent-Dispo":           "--b-1\r\nContent-Dispo",
		"no boundary":                      "no boundary",
		one + "\r\n--b-1X 1":               one + "\r\n--b-1X 1\r\n--b-1--\r\n",
	} {
		if got := string(completeMultipart([]byte(prefix), kind, 1<<20)); got != want {
			t.Errorf("%q: %q, want %q", prefix, got, want)
		}
	}
	long := one + strings.Repeat("y", 1000)
	if got := completeMultipart([]byte(long), kind, 500); len(got) != 500 || !strings.HasSuffix(string(got), "\r\n--b-1--\r\n") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// An attack in the beginning of a body is found although the body goes on.
func TestPrefixIsInspected(t *testing.T) {
	e := mustEngine(t)
	const attack = `<script>alert(1)</script>`
	pad := strings.Repeat("a", 4096)
	for _, tt := range []struct {
		name, mediaType, body string
		blocks                bool
	}{
		{"json", "application/json", `{"a":"` + attack + `","b":["` + pad, true},
		{"json, broken off in the attack", "application/json", `{"a":["` + attack, true},
		{"json, clean", "application/json", `{"a":"b","c":["` + pad, false},
		{"json, broken itself", "application/json", `{"a":}` + pad, true},
		{"form", "application/x-www-form-urlencoded", "a=" + attack + "&b=" + pad, true},
		{"form, clean", "application/x-www-form-urlencoded", "a=b&c=" + pad, false},
		{"multipart", "multipart/form-data; boundary=xx", "--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + attack + "\r\n--xx\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n" + pad, true},
		{"multipart, clean", "multipart/form-data; boundary=xx", "--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--xx\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n" + pad, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tx := e.Begin(t.Context(), "id")
			if v, err := tx.RequestHead(post("/", tt.mediaType, tt.body)); err != nil || v.Blocks() {
				t.Fatal(v, err)
			}
			v, err := tx.RequestBody([]byte(tt.body[:min(len(tt.body), 4096)]), false)
			f, ferr := tx.Finish()
			if err != nil || ferr != nil || v.Blocks() != tt.blocks {
				t.Errorf("verdict %+v, %v, %v; want blocks %v (rules %v)", v, err, ferr, tt.blocks, ids(f))
			}
		})
	}
}
