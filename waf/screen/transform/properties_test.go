package transform

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// violates returns what stated properties say of a value that is not so, or "".
func violates(t *Transformation, p properties, value string) string {
	apply := func(s string) (string, bool) { return t.Apply(s, new(Buffer)) }
	out, changed := apply(value)
	bytes := byteset.Of(value)
	lower := LowerASCII(value, new(Buffer))
	folded, lowerChanged := apply(lower)
	if !p.always && bytes&p.touches == 0 && (out != value || changed) {
		return "touches"
	}
	if p.folds {
		if out != LowerASCII(out, new(Buffer)) || out != folded {
			return "folds"
		}
		if bytes&p.touches&^byteset.Letters == 0 && out != lower {
			return "folds"
		}
	}
	if p.caseBlind {
		if LowerASCII(out, new(Buffer)) != folded {
			return "caseBlind"
		}
		if changed != lowerChanged && !(p.folds && changed) {
			return "caseBlind"
		}
	}
	if p.cuts && bytes&p.cutsUnless == 0 && !isCut(value, out) {
		return "cuts"
	}
	return ""
}

// isCut reports whether out may be what a transformation that cuts makes of a value.
func isCut(value, out string) bool {
	most := len(value) + 1
	if byteset.Of(value)&byteset.High != 0 {
		most *= utf8.RuneLen(utf8.RuneError)
	}
	var known [256]bool
	for i := range len(value) {
		c := value[i]
		known[c] = true
		if 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
			known[c^0x20] = true
		}
	}
	for i := range len(out) {
		c := out[i]
		switch {
		case known[c] || c == ' ' || c == '/':
		case c >= 0x80 && byteset.Of(value)&byteset.High != 0:
		default:
			return false
		}
	}
	return len(out) <= most
}

// generated calls f with values until it returns false: those of testdata and what is left of
// them when they are cut short, each byte in places where one byte matters, and mixtures of
// what transformations look for.
func generated(tb testing.TB, f func(value string) bool) {
	tb.Helper()
	for _, value := range values(tb) {
		for end := range len(value) + 1 {
			if !f(value[:end]) {
				return
			}
		}
	}
	for c := range 256 {
		for _, format := range []string{"_", "a_b", " _ ", "__", "/_/", "\\_", "%_a", "&_;", "\xe2_\x80", "Q_"} {
			if !f(strings.ReplaceAll(format, "_", string([]byte{byte(c)}))) {
				return
			}
		}
	}
	tokens := strings.Fields(`\ u x U X { } 0 1 4 8 f F 3 7 % %u + & # ; lt AMP nGt acE / // . .. * /* */ - -- <!-- --> [ ] "q" "Q" "\N" [true,"A"] [TRUE,"A"] {"a":1} ["\u0041"] Query{a} {a(b:"\u0051")}
		${GDPR} ${gdpr} = , data:image/png;base64,iVBORw0KGgo {Query} query{a} < > ! : C: " ' ^ ( , a B é K İ 日 😀`)
	tokens = append(tokens, " ", "  ", "\t", "\n", "\r", "\v", "\f", "\x00", "\xc2", "\xa0", "\x85", "\xe2\x80", "\xa8", "\xff", "")
	random := rand.New(rand.NewPCG(3, 1))
	for range 20000 {
		var value strings.Builder
		for range random.IntN(10) {
			value.WriteString(tokens[random.IntN(len(tokens))])
		}
		if !f(value.String()) {
			return
		}
	}
}

// TestProperties holds what is stated of each transformation against what it does. Then it
// states, one by one, the properties that are not stated: some value has to show that each of
// them would be wrong. So the test fails for a property that does not hold, for one that was
// forgotten, and where its values are too tame to tell.
func TestProperties(t *testing.T) {
	for name, transformation := range byName {
		t.Run(name, func(t *testing.T) {
			stated := transformation.properties
			wrong := map[string]properties{}
			claim := func(what string, held bool, change func(p *properties)) {
				if p := stated; !held {
					change(&p)
					wrong[what] = p
				}
			}
			claim("folds", stated.folds, func(p *properties) { p.folds = true })
			claim("caseBlind", stated.caseBlind, func(p *properties) { p.caseBlind = true })
			claim("cuts", stated.cuts, func(p *properties) { p.cuts, p.cutsUnless = true, 0 })
			claim("touches", !stated.always, func(p *properties) { p.always = false })
			if stated.cutsUnless != 0 {
				claim("cuts", false, func(p *properties) { p.cutsUnless = 0 })
			}
			generated(t, func(value string) bool {
				if what := violates(transformation, stated, value); what != "" {
					out, _ := transformation.Apply(value, new(Buffer))
					t.Errorf("%s is stated, but %q becomes %q", what, value, out)
					return false
				}
				for what, p := range wrong {
					if violates(transformation, p, value) != "" {
						delete(wrong, what)
					}
				}
				return true
			})
			for what := range wrong {
				t.Errorf("%s is not stated, and nothing shows that it does not hold", what)
			}
		})
	}
}

// TestTouchesIsSmall takes each group of bytes out of what a transformation touches: some
// value shows that it belongs there.
func TestTouchesIsSmall(t *testing.T) {
	for name, transformation := range byName {
		if transformation.always {
			continue
		}
		wrong := map[int]properties{}
		for g := range byteset.Groups {
			if group := byteset.Set(1) << g; transformation.touches&group != 0 {
				wrong[g] = properties{touches: transformation.touches &^ group}
			}
		}
		generated(t, func(value string) bool {
			for g, p := range wrong {
				if violates(transformation, p, value) != "" {
					delete(wrong, g)
				}
			}
			return len(wrong) > 0
		})
		for _, p := range wrong {
			t.Errorf("%s touches %v, but nothing shows why", name, transformation.touches&^p.touches)
		}
	}
}

// TestWeights: no two transformations that have a weight have the same, and each changes text.
func TestWeights(t *testing.T) {
	has := map[int]string{}
	for name, transformation := range byName {
		w := transformation.Weight()
		if w == 0 || transformation.name != name {
			continue
		}
		if w > MaxWeight || has[w] != "" {
			t.Errorf("%s and %s have weight %d", name, has[w], w)
		}
		has[w] = name
		changes := false
		for _, text := range []string{"TGV0", "let it  be", `"at home"`, "/* now */ tea&amp;coffee", "/shop/../index"} {
			out, _ := transformation.Apply(text, new(Buffer))
			changes = changes || !strings.EqualFold(out, text)
		}
		if !changes {
			t.Errorf("%s has a weight and leaves text as it is", name)
		}
	}
	if len(has) != MaxWeight {
		t.Errorf("%d transformations have a weight, of %d", len(has), MaxWeight)
	}
}
