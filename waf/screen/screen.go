package screen

import (
	"fmt"
	"hash/maphash"
	"io/fs"
	"sync"
	"weak"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/dfa"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/residue"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// matcherBytes bounds what the matchers of one compiler's screens learn while they match.
const matcherBytes = 16 << 20

// Compiler compiles policies. What their screens have in common, expressions above all, is
// made once for all that are alive. It is safe for concurrent use.
type Compiler struct {
	root   fs.FS
	budget *dfa.Budget
	rules  *residue.Compiler

	mu      sync.Mutex
	unions  map[string]weak.Pointer[union]  // by expression
	shared  map[string]weak.Pointer[tables] // by the operators of guards
	lexicon weak.Pointer[prefilter.Lexicon] // of their sets
}

// NewCompiler returns a compiler of policies whose files are read from root.
func NewCompiler(root fs.FS) *Compiler {
	b := dfa.NewBudget(matcherBytes)
	return &Compiler{
		root: root, budget: b, rules: residue.NewCompiler(root, b),
		unions: map[string]weak.Pointer[union]{}, shared: map[string]weak.Pointer[tables]{},
	}
}

// Screen is a policy, compiled.
type Screen struct {
	read      []Rule // without markers
	all       int    // with them
	settings  seclang.Settings
	mimes     map[string]bool // of response bodies that are inspected
	index     *index
	rules     []*residue.Rule
	scanned   [6][]reading.Kind  // by the phase whose beginning they are looked at
	turns     [6][]*residue.Rule // by phase, in order: those that are not decided by one value
	omissions [5][]omission      // by phase: those that Coraza may leave out
	cache     *cache
	runs      sync.Pool
}

// Rule is what the compiler read of a rule, for a comparison with what Coraza reads.
type Rule struct{ ID, Phase int }

// Text is a piece of SecLang and what to call it.
type Text = seclang.Text

// Compile compiles the texts that Coraza gets for a policy, in the same order. mimes are the
// media types of responses that Coraza is told to inspect beside the text. An error says why
// the policy has no screen.
func (c *Compiler) Compile(texts []Text, mimes []string) (*Screen, error) {
	defer c.tidy()
	program, err := seclang.Parse(c.root, texts)
	if err != nil {
		return nil, err
	}
	s := &Screen{all: len(program.Rules), settings: program.Settings, mimes: map[string]bool{}, cache: &cache{seed: maphash.MakeSeed()}}
	if err := understood(&s.settings); err != nil {
		return nil, err
	}
	for _, r := range program.Rules {
		if r.Marker == "" {
			s.read = append(s.read, Rule{r.ID, r.Phase})
		}
	}
	for _, m := range mimes {
		s.mimes[m] = true
	}
	if s.rules, err = c.rules.Compile(program); err != nil {
		return nil, err
	}
	s.index = c.buildIndex(s.rules)
	s.index.unite(c)
	for k := range reading.Kinds {
		if phase := residue.Settled(k); phase < len(s.scanned) && s.looksAt(k) {
			s.scanned[phase] = append(s.scanned[phase], k)
		}
	}
	for _, r := range s.rules {
		if !r.ByValue {
			s.turns[r.Phase] = append(s.turns[r.Phase], r)
		}
	}
	for phase := 1; phase < len(s.omissions); phase++ {
		s.omissions[phase] = s.omissionsOf(phase)
	}
	s.runs.New = func() any {
		return &Run{screen: s, triggered: make([]uint64, (len(s.rules)+63)/64), textOf: make([]int32, len(s.index.nodes)), unionState: make([]int32, len(s.index.unions))}
	}
	return s, nil
}

func (s *Screen) looksAt(k reading.Kind) bool {
	if s.index.kinds[k] != nil {
		return true
	}
	side, ok := headerSide(k)
	return ok && len(s.index.headers[side]) > 0
}

// understood reports settings under which values are not what extract says.
func understood(s *seclang.Settings) error {
	switch {
	case s.Engine != "On" && s.Engine != "DetectionOnly":
		return fmt.Errorf("SecRuleEngine %s", s.Engine)
	}
	return nil
}

// InspectsRequest reports whether Coraza would look at request bodies.
func (s *Screen) InspectsRequest() bool { return s.settings.RequestBody }

// Rules are the rules that were read, without markers, and how many they are with markers.
func (s *Screen) Rules() (rules []Rule, all int) { return s.read, s.all }

// Begin starts a run on the values of a message. The caller reads the request into them, phase
// by phase, and ends the run before the values are used for another message.
func (s *Screen) Begin(v *reading.Values) *Run {
	r := s.runs.Get().(*Run)
	r.eval.values = v
	return r
}
