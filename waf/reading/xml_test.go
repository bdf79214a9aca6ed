package reading

import (
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// xmlCase is a file of testdata/xml: lines that begin with "# " say how the document is read, then
// comes the document, then, behind a line of four hyphens, each value as key and text, which is
// quoted if it has line ends.
type xmlCase struct {
	options  map[string]string
	document string
	values   []string
}

func readXMLCase(t testing.TB, name string) (c xmlCase) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	rest := string(raw)
	c.options = map[string]string{}
	for strings.HasPrefix(rest, "# ") {
		line, after, _ := strings.Cut(rest[2:], "\n")
		key, value, _ := strings.Cut(line, ": ")
		c.options[key], rest = value, after
	}
	document, values, _ := strings.Cut(rest, "\n----\n")
	c.values = strings.Split(strings.TrimSuffix(values, "\n"), "\n")
	if values == "" {
		c.values = nil
	}
	if _, ok := c.options["escapes"]; ok {
		if document, err = strconv.Unquote(`"` + strings.NewReplacer(`"`, `\"`, "\n", `\n`).Replace(document) + `"`); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	switch c.options["encode"] {
	case "utf-16le":
		document = wide(document, binary.LittleEndian)
	case "utf-16be":
		document = wide(document, binary.BigEndian)
	}
	c.document = document
	return c
}

func wide(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

// readXML reads a document, and lists its values as test files do.
func readXML(v *Values, document string, whole bool) (values []string, why string) {
	v.Reset()
	v.Head(&Request{Method: "POST", Target: "/", Protocol: "HTTP/1.1"})
	v.Body("XML", "application/xml", []byte(document), whole)
	for _, x := range v.Of(RequestXML) {
		text := x.Text
		if strings.ContainsAny(text, "\n\r\"") || text != strings.TrimSpace(text) || text == "" {
			text = strconv.Quote(text)
		}
		values = append(values, x.Key+" "+text)
	}
	return values, v.Text(ReqbodyErrorMsg)
}

// TestXML holds what is read in documents, and which of them are refused, and why.
func TestXML(t *testing.T) {
	names, err := filepath.Glob("testdata/xml/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal(err, names)
	}
	v := new(Values)
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			c := readXMLCase(t, name)
			_, v.Options.XMLDoctype = c.options["doctype"]
			_, cut := c.options["cut"]
			values, why := readXML(v, c.document, !cut)
			if want := c.options["refused"]; why != want {
				t.Errorf("refused %q, want %q", why, want)
			}
			if c.options["refused"] == "" && !slices.Equal(values, c.values) {
				t.Errorf("values:\n%s", strings.Join(values, "\n"))
			}
		})
	}
}

// TestXMLCut holds that the beginning of a document is never an error, and has no other values than
// the document, but for the last.
func TestXMLCut(t *testing.T) {
	names, err := filepath.Glob("testdata/xml/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	v := new(Values)
	for _, name := range names {
		c := readXMLCase(t, name)
		if c.options["refused"] != "" {
			continue
		}
		_, v.Options.XMLDoctype = c.options["doctype"]
		for n := range len(c.document) {
			if n == 0 {
				continue
			}
			if _, why := readXML(v, c.document[:n], false); why != "" {
				t.Errorf("%s: %d bytes: refused: %s", name, n, why)
			}
		}
	}
}

// TestXMLGrowth holds that no document has values much longer than itself, and none whose number
// of bytes shown grows faster than the document.
func TestXMLGrowth(t *testing.T) {
	v := new(Values)
	v.Options.XMLDoctype = true
	deep := func(open, text, close string) func(n int) string {
		return func(n int) string {
			var b strings.Builder
			b.WriteString("<r>")
			for range n / 200 {
				b.WriteString(strings.Repeat(open, 200) + text + strings.Repeat(close, 200))
			}
			return b.String() + "</r>"
		}
	}
	for name, make := range map[string]func(n int) string{
		"mixed and nested":   deep("<a>x", "y", "z</a>"),
		"tails":              deep("<a><b>x</b>", "y", "z</a>"),
		"scripts in scripts": deep("<script>", "y", "</script>"),
		"handlers":           func(n int) string { return "<r>" + strings.Repeat(`<a onload="x"/>`, n) + "</r>" },
		"sections":           func(n int) string { return "<r>" + strings.Repeat(`x<![CDATA[y]]><!---->`, n) + "</r>" },
		"newlines":           func(n int) string { return "<r a='" + strings.Repeat("\n x", n) + "'/>" },
		"locations":          func(n int) string { return "<r schemaLocation='" + strings.Repeat("a b\n", n) + "'/>" },
		"instructions":       func(n int) string { return strings.Repeat(`<?xml-stylesheet a="b" c="d"?>`, n) + "<r/>" },
		"entities": func(n int) string {
			return `<!DOCTYPE r [<!ENTITY e "12345678">]><r>` + strings.Repeat(`&e;`, n) + `</r>`
		},
	} {
		var sizes [2]float64
		for i, n := range []int{1000, 4000} {
			document := make(n)
			if _, why := readXML(v, document, true); why != "" {
				t.Fatalf("%s: refused: %s", name, why)
			}
			total := 0
			for _, x := range v.Of(RequestXML) {
				total += len(x.Text)
			}
			sizes[i] = float64(total) / float64(len(document))
		}
		if sizes[0] > 8 || sizes[1] > 1.2*sizes[0] {
			t.Errorf("%s: the values have %.2f, then %.2f bytes for each of the document's", name, sizes[0], sizes[1])
		}
	}
}

// TestXMLBounds holds that what is beyond bounds is refused, and what is within them is not.
func TestXMLBounds(t *testing.T) {
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " a%d='x'", i)
		}
		return "<a" + b.String() + "/>"
	}
	entities := func(n, size int) string {
		return `<!DOCTYPE a [<!ENTITY e "` + strings.Repeat("x", size) + `">]><a>` + strings.Repeat("&e;", n) + "</a>"
	}
	nested := func(n int) string {
		b := `<!DOCTYPE a [<!ENTITY e0 "x">`
		for i := range n {
			b += fmt.Sprintf(`<!ENTITY e%d "&e%d;">`, i+1, i)
		}
		return b + fmt.Sprintf("]><a b='&e%d;'>&e%[1]d;</a>", n)
	}
	v := new(Values)
	v.Options.XMLDoctype = true
	for _, tt := range []struct{ name, within, beyond, why string }{
		{"depth", strings.Repeat("<a>", 256) + strings.Repeat("</a>", 256), strings.Repeat("<a>", 257), "elements are nested too deep"},
		{"attributes", attributes(256), attributes(257), "an element has too many attributes"},
		{"name", "<a" + strings.Repeat("b", 1000) + "/>", "<a" + strings.Repeat("b", 2000) + "/>", "a name is too long"},
		{"expansion", entities(8, 1000), entities(80, 1000), "entities stand for too much text"},
		{"nested entities", nested(7), nested(9), "entities are nested too deep"},
		{
			"XInclude declared", "<a xmlns:x='http://www.w3.org/2001/XInclude'/>",
			"<a>" + strings.Repeat("<a xmlns:x='http://www.w3.org/2001/XInclude'>", 65), "XInclude is declared too often",
		},
	} {
		if _, why := readXML(v, tt.within, true); why != "" {
			t.Errorf("%s: refused: %s", tt.name, why)
		}
		if _, why := readXML(v, tt.beyond, true); !strings.Contains(why, tt.why) {
			t.Errorf("%s: %q, want %q", tt.name, why, tt.why)
		}
	}
}

// plainXML reads a document with encoding/xml and returns its texts and the values of its attributes. It
// reports false if that finds it not well-formed, or if it has what this package does not allow, or
// what encoding/xml does not hold a document to.
func plainXML(document string) (texts []string, ok bool) {
	d := xml.NewDecoder(strings.NewReader(document))
	roots, open := 0, 0
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false
		}
		switch x := token.(type) {
		case xml.Directive:
			return nil, false
		case xml.ProcInst:
			if EqualKeys(x.Target, "xml") && d.InputOffset() > 0 && roots > 0 {
				return nil, false
			}
		case xml.StartElement:
			if open == 0 {
				roots++
			}
			open++
			seen := map[xml.Name]bool{}
			for _, a := range x.Attr {
				if seen[a.Name] || strings.Contains(a.Value, "XInclude") {
					return nil, false
				}
				seen[a.Name] = true
				texts = append(texts, a.Value)
			}
		case xml.EndElement:
			open--
		case xml.CharData:
			if text := strings.TrimSpace(string(x)); text != "" {
				if open == 0 {
					return nil, false
				}
				texts = append(texts, text)
			}
		}
		if roots > 1 {
			return nil, false
		}
	}
	// RawToken leaves it to Token to compare the names of tags.
	d = xml.NewDecoder(strings.NewReader(document))
	for {
		if _, err := d.Token(); err != nil {
			return texts, roots == 1 && open == 0 && errors.Is(err, io.EOF)
		}
	}
}

// stricter are the reasons for which this package refuses what encoding/xml does not.
var stricter = []string{
	"a space is missing within a tag", // encoding/xml: a="b"c="d"
	"declaration",                     // of XML: its grammar, its place
	"processing instruction",
	"a name must begin", // a colon alone, an instruction without a name
	"inclusions",
	"nested too deep", "too many", "too long", "too often",
	"encoding", "UTF-16",
	"version",
	"text outside the root element", // white space of Unicode's that is none of XML's
	"is none of XML's",
}

// FuzzXMLWellFormed compares with encoding/xml: what that takes for well-formed is read here, with at
// least its texts and attributes, or refused for a reason that encoding/xml does not know.
func FuzzXMLWellFormed(f *testing.F) {
	names, err := filepath.Glob("testdata/xml/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		f.Add(readXMLCase(f, name).document)
	}
	v := new(Values)
	f.Fuzz(func(t *testing.T, document string) {
		texts, ok := plainXML(document)
		_, cut := readXML(v, document, false)
		values, why := readXML(v, document, true)
		if why == "" && cut != "" {
			t.Fatalf("refused only if it may go on: %s", cut)
		}
		if !ok || !utf8.ValidString(document) {
			return
		}
		if why != "" {
			if !slices.ContainsFunc(stricter, func(s string) bool { return strings.Contains(why, s) }) {
				t.Fatalf("refused: %s", why)
			}
			return
		}
		for _, text := range texts {
			if text != "" && !slices.ContainsFunc(v.Of(RequestXML), func(x Value) bool { return x.Text == text }) {
				t.Fatalf("%q is not among %q", text, values)
			}
		}
	})
}
