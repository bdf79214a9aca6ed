package transform

import (
	"bufio"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"golang.org/x/net/html"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// names returns all names in their order.
func names() []string {
	var all []string
	for name := range byName {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// values returns the hand-written values of testdata/values.
func values(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no values: %v", err)
	}
	var all []string
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			line := lines.Text()
			if strings.HasPrefix(line, "#") {
				continue
			}
			value, err := strconv.Unquote(line)
			if err != nil {
				t.Fatalf("%s: %s: %v", file, line, err)
			}
			all = append(all, value)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// checkPromises checks what the documentation of Apply and Touches says, for one value.
func checkPromises(t *testing.T, transformation *Transformation, value string) {
	t.Helper()
	original := strings.Clone(value)
	buf := &Buffer{}
	out, changed := transformation.Apply(value, buf)
	if value != original {
		t.Fatalf("%s changed its argument %q to %q", transformation.Name(), original, value)
	}
	if out == value && len(value) > 0 && unsafe.StringData(out) != unsafe.StringData(value) {
		t.Errorf("%s returned a copy of %q", transformation.Name(), value)
	}
	touches, ok := transformation.Touches()
	if ok && touches&byteset.Of(value) == 0 && (out != value || changed) {
		t.Errorf("%s returned %q, %t for %q, which has no byte it touches",
			transformation.Name(), out, changed, value)
	}
}

func TestEveryTransformation(t *testing.T) {
	values := values(t)
	for _, name := range names() {
		t.Run(name, func(t *testing.T) {
			// "t:none" would be no transformation.
			o := newOracle(t, strings.ToUpper(name))
			chain := mustChain(t, name)
			for _, value := range values {
				compare(t, o, []string{name}, chain, value)
				checkPromises(t, chain[0], value)
			}
		})
	}
}

// TestEveryPrefix cuts the values short everywhere: most branches of a decoder are about its end.
func TestEveryPrefix(t *testing.T) {
	values := values(t)
	for _, name := range names() {
		o := newOracle(t, strings.ToUpper(name))
		chain := mustChain(t, name)
		for _, value := range values {
			for end := range len(value) {
				compare(t, o, []string{name}, chain, value[:end])
				checkPromises(t, chain[0], value[:end])
			}
		}
	}
}

// TestEveryByte compares each byte in places where one byte matters.
func TestEveryByte(t *testing.T) {
	for _, name := range names() {
		o := newOracle(t, strings.ToUpper(name))
		chain := mustChain(t, name)
		for c := range 256 {
			for _, format := range []string{"%s", "a%sb", " %s ", "%[1]s%[1]s", "/%s/", "\\%s", "%%%sa", "&%s;", "\xe2%s\x80"} {
				compare(t, o, []string{name}, chain, fmt.Sprintf(format, string([]byte{byte(c)})))
			}
		}
	}
}

// TestMixtures compares random mixtures of what decoders look for.
func TestMixtures(t *testing.T) {
	tokens := strings.Fields(`\ u x U X { } 0 1 4 8 f F 3 7 % %u + & # ; lt amp not nGt acE / // . .. * /* */ - -- <!-- -->
		< > ! : C: " ' ^ ( , a B = é К 日 😀`)
	tokens = append(tokens, " ", "  ", "\t", "\n", "\r", "\v", "\f", "\x00", "\xc2", "\xa0", "\x85", "\xe2\x80", "\xa8", "\xff", "")
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range names() {
		o := newOracle(t, strings.ToUpper(name))
		chain := mustChain(t, name)
		for range mixtures {
			var value strings.Builder
			for range random.IntN(14) {
				value.WriteString(tokens[random.IntN(len(tokens))])
			}
			compare(t, o, []string{name}, chain, value.String())
			checkPromises(t, chain[0], value.String())
		}
	}
}

// mixtures is how many of them each transformation is given.
const mixtures = 3000

func TestCoreRuleSetChains(t *testing.T) {
	values := values(t)
	chains := coreRuleSetChains(t)
	if len(chains) < 30 {
		t.Errorf("found only %d chains", len(chains))
	}
	for _, names := range chains {
		t.Run(strings.Join(names, ","), func(t *testing.T) {
			o := newOracle(t, names...)
			chain := mustChain(t, names...)
			touches, ok := chain.Touches()
			for _, value := range values {
				compare(t, o, names, chain, value)
				if ok && touches&byteset.Of(value) == 0 && chain.Apply(value, &Buffer{}) != value {
					t.Errorf("%v changes %q, which has no byte it touches", names, value)
				}
			}
		})
	}
}

// coreRuleSetChains returns the distinct chains of the rules of the Core Rule Set.
func coreRuleSetChains(t *testing.T) [][]string {
	t.Helper()
	action := regexp.MustCompile(`[\s",]t:([a-zA-Z0-9]+)`)
	seen := map[string][]string{}
	err := fs.WalkDir(coreruleset.FS, "@owasp_crs", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".conf") {
			return err
		}
		text, err := fs.ReadFile(coreruleset.FS, path)
		if err != nil {
			return err
		}
		for _, rule := range strings.Split(string(text), "\nSecRule")[1:] {
			var chain []string
			for _, match := range action.FindAllStringSubmatch(rule, -1) {
				if match[1] == "none" {
					chain = nil
					continue
				}
				chain = append(chain, match[1])
			}
			seen[strings.Join(chain, ",")] = chain
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var chains [][]string
	for _, chain := range seen {
		chains = append(chains, chain)
	}
	slices.SortFunc(chains, slices.Compare)
	return chains
}

// TestBestFit compares all code points that "%uHHHH" can write.
func TestBestFit(t *testing.T) {
	o := newOracle(t, "urlDecodeUni")
	chain := mustChain(t, "urlDecodeUni")
	for code := range 0x10000 {
		compare(t, o, []string{"urldecodeuni"}, chain, fmt.Sprintf("%%u%04X", code))
	}
}

// TestEveryRune compares the transformations that read UTF-8 on all of Unicode, 64 characters a
// value.
func TestEveryRune(t *testing.T) {
	for _, name := range []string{"lowercase", "uppercase", "utf8toUnicode", "removeWhitespace", "compressWhitespace"} {
		o := newOracle(t, name)
		chain := mustChain(t, name)
		for block := 0; block <= 0x10FFFF; block += 64 {
			var value strings.Builder
			for r := range 64 {
				value.WriteRune(rune(block + r))
			}
			compare(t, o, []string{name}, chain, value.String())
		}
	}
}

// TestLegacyEntities compares all short names with the package that Coraza calls. Each name that
// needs no semicolon starts with letters, so four of them find most of what could be missing.
func TestLegacyEntities(t *testing.T) {
	buf := &Buffer{}
	check := func(value string) {
		if got, _ := htmlEntityDecode(value, buf); got != html.UnescapeString(value) {
			t.Errorf("%q became %q, want %q", value, got, html.UnescapeString(value))
		}
		buf.Reset()
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, a := range letters {
		for _, b := range letters {
			check(fmt.Sprintf("&%c%c", a, b))
			for _, c := range letters {
				check(fmt.Sprintf("&%c%c%c", a, b, c))
			}
		}
	}
	for name := range legacyEntity {
		for _, format := range []string{"&%s", "&%s;", "&%sx", "&%sx;", "&%s=", "&%s&", "&%sxxxxxxxxx", "&amp%s;"} {
			check(fmt.Sprintf(format, name))
		}
	}
}

func TestLookup(t *testing.T) {
	for _, name := range []string{"urlDecodeUni", "URLDECODEUNI", "urldecodeuni"} {
		if transformation, ok := Lookup(name); !ok || transformation.Name() != "urldecodeuni" {
			t.Errorf("%s was not found", name)
		}
	}
	british, _ := Lookup("normalisePathWin")
	american, _ := Lookup("normalizePathWin")
	if british != american {
		t.Error("two spellings are two transformations")
	}
	if _, ok := Lookup("rot13"); ok {
		t.Error("found a transformation that does not exist")
	}
}

func TestEachStops(t *testing.T) {
	chain := mustChain(t, "lowercase", "trim", "length")
	for stop := 1; stop <= 3; stop++ {
		n := 0
		chain.Each(" A", &Buffer{}, func(string) bool {
			n++
			return n < stop
		})
		if n != stop {
			t.Errorf("yield was called %d times, want %d", n, stop)
		}
	}
}
