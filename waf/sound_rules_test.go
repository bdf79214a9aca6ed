package waf

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/wafer-waf/wafer/waf/screen"
)

// TestSoundOnRules is for the rule sets in testdata/screen, without the Core Rule Set: what
// Coraza has of operators, transformations, variables and actions, and traps. Requests are made
// of the words of each set, so that its rules match often. A first line that says "no screen"
// says that the policy has none, and why.
func TestSoundOnRules(t *testing.T) {
	files, err := filepath.Glob("testdata/screen/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".conf"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, mode := range []Mode{ModeBlock, ModeDetect} {
				soundOnRules(t, string(data), mode)
			}
		})
	}
}

func soundOnRules(t *testing.T, text string, mode Mode) {
	t.Helper()
	e, err := rulesEngine(t, text, mode)
	first, _, _ := strings.Cut(text, "\n")
	if want, none := strings.CutPrefix(first, "# no screen: "); none {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("got %v, want no screen because %q", err, want)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	words := vocabularyOf(text)
	r := rand.New(rand.NewPCG(1, uint64(len(text))))
	clean := [6]int{}
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	for range rounds {
		m := wordy(r, words)
		n, why := soundness(t, e, m)
		clean[n]++
		if t.Failed() {
			t.Fatalf("request %+v\nbody %q\nresponse %+v\nanswer %q\n%s", *m.request, m.body, *m.response, m.answer, why)
		}
	}
	t.Logf("mode %d: clean up to phase 0 to 5: %v", mode, clean)
	if clean[5] == 0 && !strings.Contains(first, "never clean") {
		t.Errorf("no request is clean")
	}
	if clean[5] == rounds {
		t.Errorf("every request is clean, so that nothing was compared")
	}
}

// rulesEngine is an engine with these rules alone.
func rulesEngine(t testing.TB, text string, mode Mode) (*Engine, error) {
	t.Helper()
	p := benchPolicy("rules")
	paranoid(&p, 1)
	p.Mode = mode
	pieces := []piece{{"engine settings", p.engineText()}, {"set-up", p.setupText()}, {"rules", compiledText(text)}}
	keeps := Policy{RulesBefore: []RuleText{{Text: text}}}.keeps()
	phases := map[int]int{}
	w, err := compile(p, &ownFiles{}, pieces, func(r types.RuleMetadata) { phases[r.ID()] = int(r.Phase()) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.(experimental.WAFCloser).Close() })
	var texts []screen.Text
	for _, p := range pieces {
		texts = append(texts, screen.Text{Source: p.source, Text: p.text})
	}
	s, err := screen.NewCompiler(coreruleset.FS).Compile(texts, p.mimeTypes())
	if err != nil {
		return nil, err
	}
	rules, all := s.Rules()
	if want := w.(experimental.WAFWithRules).RulesCount(); all != want {
		t.Errorf("%d rules read, want %d", all, want)
	}
	for _, r := range rules {
		if phases[r.ID] != r.Phase {
			t.Errorf("rule %d in phase %d, want %d", r.ID, r.Phase, phases[r.ID])
		}
	}
	e := &Engine{policy: p, waf: w, opts: w.(experimental.WAFWithOptions), scores: map[int]ruleScore{}, screen: s, keeps: keeps}
	e.screens.Store(true)
	return e, nil
}

var wordRx = regexp.MustCompile(`[A-Za-z0-9_.-]+`)

// vocabulary is what requests are made of for a rule set.
type vocabulary struct{ words, names []string }

var selectorRx = regexp.MustCompile(`[A-Z_]+:'?/?\^?([A-Za-z_-]+)`)

// vocabularyOf has as words what rules say, above all the arguments of their operators, and as
// names what they select.
func vocabularyOf(text string) *vocabulary {
	v := &vocabulary{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		_, rest, _ := strings.Cut(line, `"`)
		operator, _, _ := strings.Cut(rest, `"`)
		_, argument, _ := strings.Cut(operator, " ")
		for range 4 {
			v.words = append(v.words, wordRx.FindAllString(argument, -1)...)
		}
		v.words = append(v.words, wordRx.FindAllString(line, -1)...)
		v.words = append(v.words, argument)
		for _, m := range selectorRx.FindAllStringSubmatch(line, -1) {
			v.names = append(v.names, m[1])
		}
	}
	v.words = slices.DeleteFunc(v.words, func(s string) bool { return len(s) > 40 })
	v.words = append(v.words, "a", "b", "+5", "-1", "x y", "7", "", "é")
	v.names = append(v.names, "a", "b")
	return v
}

// wordy is a request and a response made of words.
func wordy(r *rand.Rand, v *vocabulary) *message {
	words := v.words
	word := func() string {
		w := pick(r, words)
		switch r.IntN(12) {
		case 0:
			w = strings.ToUpper(w)
		case 1:
			w += pick(r, words)
		case 2:
			w += " " + pick(r, words)
		case 3:
			w = pick(r, []string{"%", "\x00", "\\", "../", "/*", "&#97;", "\n", "\xff", "'", "<"}) + w
		case 4:
			w = encode(r, w)
		}
		return w
	}
	name := func() string {
		if r.IntN(4) == 0 {
			return word()
		}
		return pick(r, v.names)
	}
	form := func() string {
		var pairs []string
		for range r.IntN(5) {
			pairs = append(pairs, url.QueryEscape(name())+"="+url.QueryEscape(word()))
		}
		return strings.Join(pairs, "&")
	}
	path := "/"
	if r.IntN(2) == 0 {
		path += url.PathEscape(word())
	}
	req := &Request{
		Method: "GET", Target: path, Protocol: "HTTP/1.1", Host: "shop.example.com",
		ClientAddr: pick(r, []string{"192.0.2.7", "203.0.113.9", "2001:db8::1"}), ClientPort: 40000, ServerAddr: "192.0.2.1", ServerPort: 8080,
		Headers: []Header{{Name: "Host", Value: "shop.example.com"}},
	}
	if f := form(); f != "" {
		req.Target += "?" + f
	}
	clean := strings.NewReplacer("\n", "", "\x00", "")
	for range r.IntN(3) {
		field := pick(r, []string{"User-Agent", "Cookie", "X-Test", "Accept", clean.Replace(name())})
		value := clean.Replace(word())
		if field == "Cookie" {
			value = clean.Replace(name() + "=" + word() + "; " + name() + "=" + word())
		}
		req.Headers = append(req.Headers, Header{Name: field, Value: value})
	}
	m := &message{request: req}
	if r.IntN(2) == 0 {
		req.Method = "POST"
		mediaType := "application/x-www-form-urlencoded"
		m.body = []byte(form())
		switch r.IntN(4) {
		case 0:
			mediaType = "application/json"
			m.body = fmt.Appendf(nil, `{%q:%q,"list":[%q,1]}`, name(), word(), word())
		case 1:
			mediaType, m.body = pick(r, []string{"text/plain", "text/xml"}), []byte("<a>"+word()+"</a>")
		}
		req.Headers = append(req.Headers, Header{Name: "Content-Type", Value: mediaType})
	}
	m.response = &Response{
		Status: pick(r, []int{200, 200, 404, 500}), Protocol: "HTTP/1.1",
		Headers: []Header{{Name: "Content-Type", Value: pick(r, []string{"text/html", "image/png"})}, {Name: pick(r, []string{"X-Test", "Server"}), Value: clean.Replace(word())}},
	}
	m.answer = []byte(word() + " " + word())
	return m
}
