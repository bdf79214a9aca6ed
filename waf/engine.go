package waf

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/debuglog"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/wafer-waf/wafer/suggest"
	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/descriptor"
	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/screen"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// MinRules is the floor below which a compiled policy is refused. CRS 4.25 compiles to some 290 rules at
// paranoia level 1, and to 440 at level 4; what is left below this number protects nothing.
const MinRules = 150

// Engine is a compiled policy.
type Engine struct {
	digest string
	waf    coraza.WAF
	opts   experimental.WAFWithOptions
	rules  int
	scores map[int]ruleScore // by rule id
	policy Policy

	schemas  bool           // own rules look at bodies with @validateSchema
	keeps    *kept.Plan     // what own rules have to do with collections; nil: nothing
	kept     Collections    // which they change; nil: nobody keeps them
	screen   *screen.Screen // nil: the policy has none
	noScreen error          // why
	screens  atomic.Bool    // the screen is asked
	checks   verifier
}

// ruleScore is what a rule adds to which paranoia level's score.
type ruleScore struct{ points, paranoia int }

// Compiler compiles policies. Their screens share what they have in common. It is safe for
// concurrent use.
type Compiler struct {
	// Screens makes their screens. Whoever checks that a wrong screen is noticed sets another one.
	Screens Screener

	// Collections keep what rules remember from one request to the next. nil: nobody does, and each
	// request is the first.
	Collections Collections

	own *ownFiles
}

// Screener makes screens of the text that engines are compiled from.
type Screener interface {
	Compile(texts []screen.Text, mediaTypes []string) (*screen.Screen, error)
}

// NewCompiler returns a compiler.
func NewCompiler() *Compiler {
	own := &ownFiles{}
	return &Compiler{Screens: screen.NewCompiler(files{rules(), own}), own: own}
}

// NewEngine compiles p alone.
func NewEngine(p Policy) (*Engine, error) { return NewCompiler().NewEngine(p) }

// NewEngine compiles p. What is wrong with its rules and exclusions comes as [Mistakes], all at once.
func (c *Compiler) NewEngine(p Policy) (*Engine, error) {
	e := &Engine{digest: p.Digest(), policy: p, scores: map[int]ruleScore{}, schemas: p.ownOperator("validateschema"), keeps: p.keeps(), kept: c.Collections}
	if ms := p.quickMistakes(); len(ms) > 0 {
		return nil, fmt.Errorf("compile policy %q: %w", p.ID, p.Mistakes())
	}
	if p.Descriptors != "" {
		e.policy.Reading.Schema, _ = descriptor.Parse([]byte(p.Descriptors)) // or there was a mistake
	}
	defer c.own.hold(p)()
	ids, tags, phases := map[int]bool{}, map[string]bool{}, map[int]int{}
	w, err := compile(p, c.own, p.pieces(), func(r types.RuleMetadata) {
		ids[r.ID()] = true
		phases[r.ID()] = int(r.Phase())
		for _, t := range r.Tags() {
			tags[t] = true
		}
		if s, ok := p.score(r); ok {
			e.scores[r.ID()] = s
		}
	})
	if err != nil {
		if ms := p.Mistakes(); len(ms) > 0 {
			return nil, fmt.Errorf("compile policy %q: %w", p.ID, ms)
		}
		return nil, fmt.Errorf("compile policy %q: %w", p.ID, p.locate(c.own, err))
	}
	e.waf = w
	e.opts = w.(experimental.WAFWithOptions)
	e.rules = w.(experimental.WAFWithRules).RulesCount()
	if err := append(p.checkExclusions(ids, tags), p.checkReferences(ids, tags)...).orNil(); err != nil {
		return nil, errors.Join(fmt.Errorf("compile policy %q: %w", p.ID, err), e.Close())
	}
	if e.rules < MinRules {
		return nil, errors.Join(fmt.Errorf("compile policy %q: %d rules are left, fewer than the floor of %d: exclude less, or write mode: off to say that nothing is inspected",
			p.ID, e.rules, MinRules), e.Close())
	}
	e.compileScreen(c.Screens, phases)
	return e, nil
}

// Digest identifies what the engine was compiled from.
func (e *Engine) Digest() string { return e.digest }

// Rules is the number of rules compiled, markers included.
func (e *Engine) Rules() int { return e.rules }

// Owns reports whether a rule is one of the policy's own, and none of CRS or of Wafer.
func (e *Engine) Owns(rule int) bool {
	for _, r := range e.policy.own() {
		for _, d := range seclang.Directives(r.Text) {
			if id, ok := d.Action("id"); ok && id == strconv.Itoa(rule) {
				return true
			}
		}
	}
	return false
}

// Remembers reports whether rules look at what they have kept of earlier requests, or keep something.
func (e *Engine) Remembers() bool { return e.keeps != nil }

// Close gives compiled patterns back that no other engine uses. Transactions that have
// begun stay valid.
func (e *Engine) Close() error {
	return e.waf.(experimental.WAFCloser).Close()
}

// Terms are what a transaction begins with.
type Terms struct {
	ID        string // what rules see as UNIQUE_ID
	Gate      Gate   // nil: rules never wait
	Unbounded bool   // without the policy's budget: what it costs says nothing of clients
	Without   []int  // rules that are left out, by id: whoever proves what the others do
	Apart     bool   // nothing is kept of it in collections, which are empty for it: it is no client's

	// Gone says that nobody waits for the verdict any more, which ends the transaction. Whatever takes
	// longer than some microseconds asks for it again and again, in any goroutine. nil: somebody does.
	Gone func() bool
}

// Begin starts a transaction.
func (e *Engine) Begin(ctx context.Context, terms Terms) *Transaction {
	t := &Transaction{engine: e, ctx: ctx, id: terms.ID, gate: terms.Gate, without: terms.Without, read: newTranscript(e.policy.Reading)}
	if !terms.Unbounded {
		t.budget = budget.New(e.policy.Budget)
	}
	t.budget.StopIf(terms.Gone)
	if e.keeps != nil {
		store := e.kept
		if terms.Apart {
			store = nil
		}
		t.view = kept.NewView(e.keeps, store)
	}
	if e.screens.Load() {
		t.run, t.clean, t.screenAsked = e.screen.Begin(t.read.values), true, true
		t.run.Within(&t.budget)
		t.run.Keep(t.view)
		t.run.Without(terms.Without)
	}
	return t
}

func compile(p Policy, own *ownFiles, pieces []piece, observe func(types.RuleMetadata)) (coraza.WAF, error) {
	register()
	c := coraza.NewWAFConfig().WithRootFS(files{rules(), own}).WithDebugLogger(&purse{Logger: debuglog.Noop()})
	for _, piece := range pieces {
		c = c.WithDirectives(piece.text)
	}
	c = c.WithResponseBodyMimeTypes(p.mimeTypes())
	if observe != nil {
		c = experimental.WAFConfigWithRuleObserver(c, observe)
	}
	return coraza.NewWAF(c)
}

// mimeTypes are those of responses that are inspected. One without a media type is: clients
// guess what it is. The messages of gRPC are, whatever else is.
func (p Policy) mimeTypes() []string {
	types := []string{"",
		"application/grpc", "application/grpc+proto", "application/grpc+json", "application/grpc-web", "application/grpc-web+proto",
		"application/grpc-web+json", "application/grpc-web-text", "application/grpc-web-text+proto"}
	return append(types, p.ResponseMIMETypes...)
}

// checkLines finds what Coraza's parser would pass over in silence: a line too long for its
// scanner ends the text there, and so does a line continued into nothing.
func (p Policy) checkLines() (ms Mistakes) {
	for _, r := range p.own() {
		lines := strings.Split(r.Text, "\n")
		last, at := "", 0
		for i, l := range lines {
			if len(l) >= 64<<10 {
				ms.add(r.Source, i+1, "%d bytes, more than 65535: break it with \\", len(l))
			}
			if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
				last, at = l, i+1
			}
		}
		if strings.HasSuffix(last, `\`) {
			ms.add(r.Source, at, `the text ends in a line continued with \`)
		}
	}
	return ms
}

// checkExclusions finds exclusions that take nothing: most often a mistyped id.
func (p Policy) checkExclusions(ids map[int]bool, tags map[string]bool) (ms Mistakes) {
	for _, x := range p.Exclusions {
		if x.Tag != "" {
			if !tags[x.Tag] {
				ms = append(ms, Mistake{Source: x.Source, Key: "tag", What: fmt.Sprintf("no rule has tag %q%s", x.Tag, suggest.DidYouMean(x.Tag, slices.Sorted(maps.Keys(tags))))})
			}
			continue
		}
		if from, to, ok := idRange(x.RuleIDs); !ok || !anyWithin(ids, from, to) {
			key := "rule"
			if strings.Contains(x.RuleIDs, "-") {
				key = "rules"
			}
			ms = append(ms, Mistake{Source: x.Source, Key: key, What: "there is no rule " + x.RuleIDs})
		}
	}
	return ms
}

// locate compiles growing prefixes of the text to name the piece, and in own rules the
// directive, that err came from. It is slow and runs only when a policy is refused.
func (p Policy) locate(own *ownFiles, err error) error {
	pieces := p.pieces()
	try := func(ps []piece) error {
		w, err := compile(p, own, ps, nil)
		if err == nil {
			err = w.(experimental.WAFCloser).Close()
		}
		return err
	}
	// The first prefix that fails: the longer ones fail as well.
	lo, hi := 0, len(pieces)
	for lo < hi {
		mid := (lo + hi) / 2
		if e := try(pieces[:mid+1]); e != nil {
			err, hi = e, mid
		} else {
			lo = mid + 1
		}
	}
	if lo == len(pieces) {
		return err // not reproducible: an environment error such as a read-only temporary folder
	}
	bad := pieces[lo]
	lines := slices.Collect(seclang.Spans(bad.text))
	from, to := 0, len(lines)
	for from < to {
		mid := (from + to) / 2
		part := strings.Join(strings.Split(bad.text, "\n")[:lines[mid].Last], "\n")
		if e := try(append(append([]piece(nil), pieces[:lo]...), piece{bad.source, part})); e != nil {
			err, to = e, mid
		} else {
			from = mid + 1
		}
	}
	cause := plain(err)
	m := Mistake{Source: bad.source, What: cause}
	if from < len(lines) && len(lines) > 1 {
		m.Line = lines[from].First
	}
	return Mistakes{m}
}

// plain drops from a Coraza error what every such error says.
func plain(err error) string {
	s := err.Error()
	for _, p := range []string{"invalid WAF config from string: ", "failed to compile the directive "} {
		s = strings.TrimPrefix(s, p)
	}
	return s
}

var scoreRx = regexp.MustCompile(`^_anomaly_score_pl([1-4])=\+%\{tx\.(critical|error|warning|notice)_anomaly_score\}`)

// score reads from a rule what CRS makes it add to the anomaly score. The action that adds
// stands at the end of a chain, which is not reported; of a chain its severity and its
// paranoia tag say the same.
func (p Policy) score(r types.RuleMetadata) (ruleScore, bool) {
	// An expression that looks for its beginning in all rules would take as long as Coraza's parser.
	for before, rest, found := strings.Cut(strings.ToLower(r.Raw()), "bound"); found; before, rest, found = strings.Cut(rest, "bound") {
		if m := scoreRx.FindStringSubmatch(rest); m != nil && (strings.HasSuffix(before, "in") || strings.HasSuffix(before, "out")) {
			return ruleScore{p.CRS.points(m[2]), int(m[1][0] - '0')}, true
		}
	}
	if !strings.Contains(r.Raw(), "chain") || r.Severity() == types.RuleSeverityUnset {
		return ruleScore{}, false
	}
	for _, t := range r.Tags() {
		if level, ok := strings.CutPrefix(t, "paranoia-level/"); ok && len(level) == 1 {
			return ruleScore{p.CRS.points(r.Severity().String()), int(level[0] - '0')}, true
		}
	}
	return ruleScore{}, false
}
