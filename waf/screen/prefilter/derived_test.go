package prefilter

import (
	"encoding/binary"
	"flag"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

var write = flag.Bool("derive", false, "write what is derived into derived.bin")

// expression is the argument of @rx in a rule of CRS.
var expression = regexp.MustCompile(`^\s*SecRule\s+\S+\s+"!?@rx ((?:[^"\\]|\\.)*)"`)

// overBytes tells the expressions of CRS that match single bytes.
func overBytes(expr string) bool {
	return strings.Contains(expr, `\xac`) || strings.Contains(expr, `\x{e2}\x80`)
}

// TestDerived compares derived.bin with what is derived from the expressions of CRS.
func TestDerived(t *testing.T) {
	want := map[derivedKey]Need{}
	for _, expr := range coreExpressions(t) {
		re, err := syntax.Parse(asCompiled(expr), syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		want[keyOf(asCompiled(expr), overBytes(expr))] = specialize(re, overBytes(expr))
	}
	if len(want) < 200 {
		t.Fatalf("only %d expressions", len(want))
	}
	file := written(want)
	if *write {
		if err := os.WriteFile("derived.bin", file, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d expressions, %d bytes", len(want), len(file))
		return
	}
	if string(file) != derivedNeeds {
		t.Error("derived.bin is not what is derived now: make derive writes it anew")
	}
	for _, expr := range coreExpressions(t) {
		text, bytes := asCompiled(expr), overBytes(expr)
		if got, ok := derived(derivedNeeds, text, bytes); !ok || !reflect.DeepEqual(got, want[keyOf(text, bytes)]) {
			t.Errorf("%s: derived.bin has another need than the one that is derived (found: %t)", text, ok)
		}
	}
	if _, ok := derived(derivedNeeds, "no such expression", false); ok {
		t.Error("an expression is found that is not there")
	}
}

// asCompiled is what becomes of an expression of a rule before its need is derived.
func asCompiled(expr string) string {
	if overBytes(expr) {
		return expr
	}
	return "(?sm)" + expr
}

// coreExpressions are the expressions of CRS, each once.
func coreExpressions(t *testing.T) []string {
	files, err := fs.Glob(coreruleset.FS, "@owasp_crs/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, name := range files {
		text, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
			if m := expression.FindStringSubmatch(line); m != nil {
				list = append(list, strings.ReplaceAll(m[1], `\"`, `"`))
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// written is the file with these needs.
func written(needs map[derivedKey]Need) []byte {
	var keys []derivedKey
	for key := range needs {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b derivedKey) int { return strings.Compare(string(a[:]), string(b[:])) })
	head := binary.BigEndian.AppendUint32(nil, uint32(len(keys)))
	var body []byte
	for _, key := range keys {
		head = append(head, key[:]...)
		head = binary.BigEndian.AppendUint32(head, uint32(4+len(keys)*derivedEntry+len(body)))
		w := needWriter{seen: map[string]int{}}
		w.need(needs[key])
		body = append(body, w.out...)
	}
	return append(head, body...)
}

// needWriter writes what needReader reads.
type needWriter struct {
	out  []byte
	seen map[string]int // by formula
}

func (w *needWriter) need(n Need) {
	if n.subs != nil {
		if i, ok := w.seen[n.String()]; ok {
			w.number(opSeen, i)
			return
		}
	}
	switch n.op {
	case opLiteral:
		w.number(n.op, len(n.text))
		w.out = append(w.out, n.text...)
	case opAnd, opOr:
		w.number(n.op, len(n.subs))
	default:
		w.out = append(w.out, byte(n.op))
	}
	if n.op == opClass || n.op == opWhen {
		w.out = binary.BigEndian.AppendUint64(w.out, uint64(n.set))
	}
	for _, sub := range n.subs {
		w.need(sub)
	}
	if n.subs != nil {
		w.seen[n.String()] = len(w.seen)
	}
}

func (w *needWriter) number(o op, n int) {
	w.out = binary.AppendUvarint(append(w.out, byte(o)), uint64(n))
}
