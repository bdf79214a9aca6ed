package inject

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// source parses a file of the library, in the version that is tested against.
func source(t *testing.T, name string) *ast.File {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/corazawaf/libinjection-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(gotoken.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), name), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// literal returns the elements of a package variable's composite literal.
func literal(t *testing.T, f *ast.File, name string) []ast.Expr {
	t.Helper()
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != gotoken.VAR {
			continue
		}
		for _, s := range g.Specs {
			if v := s.(*ast.ValueSpec); v.Names[0].Name == name {
				return v.Values[0].(*ast.CompositeLit).Elts
			}
		}
	}
	t.Fatalf("the library has no %s any more", name)
	return nil
}

func text(t *testing.T, e ast.Expr) string {
	t.Helper()
	s, err := strconv.Unquote(e.(*ast.BasicLit).Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// keywords returns the library's table: words and phrases in lower case with their classes, and
// the fingerprints.
func keywords(t *testing.T) (words map[string]byte, fingerprints []string) {
	t.Helper()
	words = map[string]byte{}
	for _, e := range literal(t, source(t, "sqli_data.go"), "sqlKeywords") {
		pair := e.(*ast.KeyValueExpr)
		key, class := text(t, pair.Key), text(t, pair.Value)
		if class == "F" {
			fingerprints = append(fingerprints, strings.TrimPrefix(key, "0"))
		} else {
			words[strings.ToLower(key)] = class[0]
		}
	}
	if len(words) < 900 || len(fingerprints) < 8000 {
		t.Fatalf("%d words and %d fingerprints cannot be all", len(words), len(fingerprints))
	}
	return words, fingerprints
}

// TestWords holds the word list to the library's.
func TestWords(t *testing.T) {
	all, _ := keywords(t)
	functions := []string{"user_id", "user_name", "database", "password", "user", "current_user", "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}
	for name, class := range all {
		phrase := strings.Split(name, " ")
		segment, _, hasDot := strings.Cut(name, ".")
		switch {
		case !isLetter(name[0]) && name[0] != '_':
			if len(name) != 2 || !strings.Contains("!%&*+-/:<>@^|~", name[:1]) {
				t.Errorf("operator %q", name)
			}
		case len(phrase) > 1:
			if !words[phrase[0]].is(begins) || !words[phrase[1]].is(continues) {
				t.Errorf("%q is a phrase", name)
			}
		case hasDot:
			if !words[segment].is(dotted) {
				t.Errorf("%q has a dot", name)
			}
		case name == "in":
			if w := words[name]; class != 'k' || w.class != in || !w.is(called) {
				t.Errorf("IN is %c", class)
			}
		case class == 'n':
			if w := words[name]; w.class != 0 && w.class != 'n' || slices.Contains(functions, name) && !w.is(called) {
				t.Errorf("%q is %+v", name, w)
			}
		case words[name].class != class || slices.Contains(functions, name) && !words[name].is(called):
			t.Errorf("%q is %+v, want class %c", name, words[name], class)
		}
		if len(name) > longest && len(phrase) == 1 && !hasDot {
			t.Errorf("%q is too long for lookup", name)
		}
	}
	for name, w := range words {
		if w.class != 'n' && w.class != all[name] && name != "in" {
			t.Errorf("%q is listed, and not in the library", name)
		}
	}
}

// TestOperators holds the two-byte operators to the library's.
func TestOperators(t *testing.T) {
	all, _ := keywords(t)
	for _, a := range "!&*:<=>|" {
		for b := rune(1); b < 0x80; b++ {
			l := newLexer(string([]rune{a, b}))
			got := l.next()
			class, pair := all[string([]rune{a, b})]
			if got.class == unknown {
				continue // left to the library
			}
			if pair != (l.pos == 2) || pair && got.class != class {
				t.Errorf("%c%c is %c of %d bytes, want %c", a, b, got.class, l.pos, class)
			}
		}
	}
}

// TestBeginnings compares what is known of the fingerprints with all of them.
func TestBeginnings(t *testing.T) {
	_, all := keywords(t)
	var thirds, shorts []string
	pairs := map[string]bool{}
	for _, f := range all {
		if f == "X" || len(f) < 2 {
			if f != "X" {
				t.Errorf("fingerprint %q is too short", f)
			}
			continue
		}
		switch comment := strings.IndexByte(f, 'C'); {
		case comment >= 0 && comment < 3:
		case len(f) == 2 || len(f) == 3 && f[1] != 'K':
			shorts = append(shorts, f)
			fallthrough
		default:
			if len(f) > 2 {
				thirds = append(thirds, f[:3])
			}
		}
		for i := range len(f) - 1 {
			if strings.ContainsAny(f[:i+1], "TU") {
				break
			}
			pairs[f[i:i+2]] = true
		}
		if len(f) > 3 && f[1:3] == ";N" && f[3] != ':' {
			t.Errorf("%q: a label without its colon", f)
		}
	}
	var listed []string
	for line := range strings.SplitSeq(strings.TrimSpace(beginnings), "\n") {
		for _, field := range strings.Fields(line[1:]) {
			for _, c := range field[2:] {
				listed = append(listed, line[:1]+field[:1]+string(c))
			}
		}
	}
	slices.Sort(thirds)
	slices.Sort(listed)
	if thirds = slices.Compact(thirds); !slices.Equal(thirds, listed) {
		t.Errorf("beginnings are %d, want %d:\n%s\n%s", len(listed), len(thirds), listed, thirds)
	}
	slices.Sort(shorts)
	listed = strings.Fields(short)
	slices.Sort(listed)
	if !slices.Equal(shorts, listed) {
		t.Errorf("short ones are %s, want %s", listed, shorts)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(strangers), "\n") {
		for _, c := range line[2:] {
			if pairs[line[:1]+string(c)] {
				t.Errorf("%c stands behind %c", c, line[0])
			}
		}
	}
	for _, f := range all {
		for _, c := range f {
			if !strings.ContainsRune(classes+"AXC", c) {
				t.Errorf("%q has a class that is not known", f)
			}
		}
	}
}

// TestFoldsToASCII is about letters that an upper case of ASCII has beyond it.
func TestFoldsToASCII(t *testing.T) {
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if unicode.ToUpper(r) < 0x80 && !foldsToASCII(string(r)) {
			t.Errorf("the upper case of %q is in ASCII", r)
		}
	}
}

// TestNames holds the lists of tags and attributes to the library's.
func TestNames(t *testing.T) {
	f := source(t, "xss_decls.go")
	for _, e := range literal(t, f, "blackTags") {
		if name := text(t, e); !suspiciousTag(name) || !suspiciousTag("/"+strings.ToLower(name)+">") {
			t.Errorf("tag %s", name)
		}
	}
	var names []string
	for _, list := range []string{"blacks", "blackEvents"} {
		for _, e := range literal(t, f, list) {
			name := text(t, e.(*ast.CompositeLit).Elts[0])
			if list == "blackEvents" {
				name = "ON" + name
			}
			names = append(names, name)
		}
	}
	for _, name := range append(names, "XMLNS", "XLINK") {
		if !suspiciousName(name) || !suspiciousName(`x="`+strings.ToLower(name)+"\t") || !suspiciousName("<a/"+name) {
			t.Errorf("attribute %s", name)
		}
		for _, c := range name {
			if !isLetter(byte(c)) && c != ':' {
				t.Errorf("attribute %s has another byte than letters", name)
			}
		}
	}
}
