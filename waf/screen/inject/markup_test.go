package inject

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// markup are the pieces that matter to IsXSS, and some that do not.
var markup = []string{
	"<", "</", ">", "/", "=", " ", "\t", "\v", "\x00", "\"", "'", "`", "!", "?", "%", "-", "--", "!DOCTYPE", "![CDATA[", "[if", "import", "!entity",
	"a", "p", "script", "SVG", "svgx", "xsl:if", "style", "base", "xml", "onload", "OnError", "on", "onx", "href", "src", "xlink:href", "xmlns", "by", "to",
	"attributename", "javascript:", "data:", "&#106;ava", "view-source:", "1", "é", ":", "x-", ".",
}

// TestMarkup compares all sequences of three pieces, and many that are longer.
func TestMarkup(t *testing.T) {
	for _, a := range markup {
		for _, b := range markup {
			for _, c := range append(markup, "") {
				checkXSS(t, a+b+c)
			}
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 300_000 {
		var b strings.Builder
		for range 4 + random.IntN(8) {
			b.WriteString(markup[random.IntN(len(markup))])
		}
		checkXSS(t, b.String())
		if t.Failed() {
			return
		}
	}
}

// TestMutations compares attacks that lost, doubled or changed a few bytes, or were cut.
func TestMutations(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const bytes = "'\"`<>=/*-#;,.()@!&|\\ \n\x00\xa0aeN1u0"
	for _, s := range attacks(t) {
		if len(s) > 300 {
			continue
		}
		for range 10 {
			b := []byte(s)
			for range 1 + random.IntN(3) {
				if len(b) == 0 {
					break
				}
				switch i := random.IntN(len(b)); random.IntN(4) {
				case 0:
					b = append(b[:i], b[i+1:]...)
				case 1:
					b = append(b[:i+1], b[i:]...)
				case 2:
					b[i] = bytes[random.IntN(len(bytes))]
				default:
					b = b[i:]
				}
			}
			checkBoth(t, string(b))
		}
	}
}
