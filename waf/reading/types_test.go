package reading

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var updateTypes = flag.Bool("update", false, "write what was read into the files of TestTypes")

// typed is a file of testdata/types: a media type, a body in which Go's escapes stand for odd bytes if
// Escaped says so, and what is read in it.
type typed struct {
	head, body []byte
	mediaType  string
	data       []byte
	want       string
}

func readTyped(t testing.TB, file string) typed {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var x typed
	rest, want, _ := bytes.Cut(raw, []byte("\n-- read --\n"))
	x.head, x.body, _ = bytes.Cut(rest, []byte("\n\n"))
	x.data, x.want = x.body, string(want)
	for line := range strings.Lines(string(x.head)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "Content-Type":
			x.mediaType = strings.TrimSpace(value)
		case "Lines":
			x.data = bytes.ReplaceAll(x.data, []byte("\n"), []byte("\r\n"))
		case "Escaped":
			s, err := strconv.Unquote(`"` + strings.ReplaceAll(string(x.data), "\n", `\n`) + `"`)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			x.data = []byte(s)
		}
	}
	return x
}

// read lists what v has of a body, one value a line. What is found in XML has tests of its own.
func read(v *Values) string {
	var b strings.Builder
	fmt.Fprintf(&b, "as %s\n", v.Text(ReqbodyProcessor))
	if why := refused(v); why != "" {
		fmt.Fprintf(&b, "refused %s\n", why)
	}
	if word := v.Uninspected(); word != "" && word != unreadable { // which is said above
		fmt.Fprintf(&b, "uninspected %s\n", word)
	}
	for _, k := range []Kind{ArgsPost, Files} {
		for _, x := range v.Of(k) {
			fmt.Fprintf(&b, "%s:%s = %q\n", k, x.Key, x.Text)
		}
	}
	return b.String()
}

func readBody(v *Values, mediaType string, body []byte) {
	v.Head(&Request{Method: "POST", Target: "/", Protocol: "HTTP/1.1", ID: "id", Headers: []Header{{Name: "Content-Type", Value: mediaType}}})
	v.Body(v.Text(ReqbodyProcessor), mediaType, body, true)
}

// TestTypes holds what is read in bodies of all types: those that are sent every day, and those that
// hide something under a type that it is not.
func TestTypes(t *testing.T) {
	v := new(Values)
	for _, folder := range []string{"ordinary", "hostile"} {
		files, err := filepath.Glob(filepath.Join("testdata", "types", folder, "*.txt"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", folder, err)
		}
		for _, file := range files {
			t.Run(folder+"/"+strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				x := readTyped(t, file)
				readBody(v, x.mediaType, x.data)
				got := read(v)
				if *updateTypes {
					all := slices.Concat(x.head, []byte("\n\n"), x.body, []byte("\n-- read --\n"), []byte(got))
					if err := os.WriteFile(file, all, 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				if got != x.want {
					t.Errorf("%q as %s\ngot:\n%s\nwant:\n%s", x.data, x.mediaType, got, x.want)
				}
				if folder == "ordinary" && strings.Contains(got, "\nrefused ") {
					t.Error("an ordinary body is refused")
				}
			})
		}
	}
}

// TestXMLAsOther holds that the texts of XML are seen whatever the type says.
func TestXMLAsOther(t *testing.T) {
	v := new(Values)
	for _, mediaType := range []string{"", "text/plain", "application/octet-stream", "image/png", "application/x-www-form-urlencoded", "application/x-protobuf"} {
		readBody(v, mediaType, []byte(" <a><b x=\"in a value\">in a text</b></a>"))
		if s := shownBy(v); !s.texts["in a value"] || !s.texts["in a text"] || v.Text(ReqbodyProcessor) != "XML" {
			t.Errorf("%s: read as %s: %v", mediaType, v.Text(ReqbodyProcessor), s.texts)
		}
	}
}

// TestCut holds that the beginning of a body is read as far as it goes, and never refused for where it
// ends.
func TestCut(t *testing.T) {
	v := new(Values)
	for mediaType, body := range map[string]string{
		"application/json":                  `{"a":[1,true,null,{"b\"c":"x\u00e9\ud83d\ude42y"},"z\\"],"long":"1' OR '1'='1"}`,
		"application/x-ndjson":              "{\"a\":1}\n{\"b\":\"c\"}\n",
		"text/plain":                        `{"a":[1,true,null,{"b\"c":"x\u00e9y"}],"long":"1' OR '1'='1"}`,
		"application/x-www-form-urlencoded": `{"a":[1,true,null,{"b\"c":"x\u00e9y"}],"long":"1' OR '1'='1"}`,
		"application/x-protobuf":            "\x0a\x05hello\x12\x0c1' OR '1'='1\x1d\x00\x00\x00\x00",
		"application/grpc":                  "\x00\x00\x00\x00\x07\x0a\x05hello\x00\x00\x00\x00\x0e\x0a\x0c1' OR '1'='1",
		"application/msgpack":               "\x82\xa1a\x93\x01\x02\xa1x\xa1b\xac1' OR '1'='1",
	} {
		for end := 1; end < len(body); end++ {
			v.Head(&Request{Method: "POST", Target: "/", Headers: []Header{{Name: "Content-Type", Value: mediaType}}})
			v.Body(v.Text(ReqbodyProcessor), mediaType, []byte(body[:end]), false)
			if why := refused(v); why != "" {
				t.Errorf("%s: %q: refused: %s", mediaType, body[:end], why)
			}
			if len(v.Of(ArgsPost)) == 0 && strings.Contains(body[:end], "hello") {
				t.Errorf("%s: %q: what came before is not shown", mediaType, body[:end])
			}
			const attack = "1' OR '1'="
			if strings.HasSuffix(body[:end], attack) {
				found := false
				for _, x := range v.Of(ArgsPost) {
					found = found || strings.Contains(x.Text, attack)
				}
				if !found {
					t.Errorf("%s: %q: the beginning of the last text is not shown: %s", mediaType, body[:end], read(v))
				}
			}
		}
	}
}

// TestXMLTail holds that a document with text behind it is shown as to parsers that do not read so far,
// if nothing says that it is XML.
func TestXMLTail(t *testing.T) {
	v := new(Values)
	for _, mediaType := range []string{"text/plain", "application/x-www-form-urlencoded"} {
		readBody(v, mediaType, []byte("<a>un<b/>ion</a>c"))
		found := false
		for _, x := range v.Of(RequestXML) {
			found = found || x.Text == "union"
		}
		if !found || v.Text(ReqbodyError) != "0" {
			t.Errorf("%s: %+v, error %s", mediaType, v.Of(RequestXML), v.Text(ReqbodyErrorMsg))
		}
	}
	if readBody(v, "text/xml", []byte("<a>un<b/>ion</a>c")); v.Text(ReqbodyError) != "1" {
		t.Error("such a document is not refused")
	}
}
