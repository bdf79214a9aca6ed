package residue

import (
	"io/fs"
	"maps"
	"sync"
	"weak"

	"github.com/wafer-waf/wafer/waf/screen/dfa"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// Compiler compiles policies. What their rules have in common, expressions above all,
// is made once for all that are alive. It is safe for concurrent use.
type Compiler struct {
	root   fs.FS
	budget *dfa.Budget

	mu      sync.Mutex
	numbers int // of operators made
	made    map[seclang.Operator]weak.Pointer[Operator]
}

// NewCompiler returns a compiler of policies whose files are read from root. What the
// matchers of expressions learn while they match is kept within the budget.
func NewCompiler(root fs.FS, budget *dfa.Budget) *Compiler {
	return &Compiler{root: root, budget: budget, made: map[seclang.Operator]weak.Pointer[Operator]{}}
}

// Compile compiles the program's rules. The error says which rule makes the policy one that has
// no screen.
func (c *Compiler) Compile(program *seclang.Program) ([]*Rule, error) {
	firm := map[*seclang.Rule]bool{}
	for {
		f := &folder{
			program: program, operators: c, reads: readsOf(program), known: NewConstants(),
			of: map[*seclang.Rule]*Rule{}, changed: map[*seclang.Rule]bool{}, skips: map[*seclang.Rule]bool{}, removers: firm,
		}
		if err := f.fold(); err != nil {
			return nil, err
		}
		if !f.findRemovers() {
			return f.rules, nil
		}
	}
}

// operator compiles an operator, unless a live screen has the same one. arg is its argument
// with what is known filled in.
func (c *Compiler) operator(o seclang.Operator, arg Macro) (*Operator, error) {
	text, constant := arg.Constant()
	o.Negated, o.Arg = false, text
	if !constant {
		return c.newOperator(o, arg)
	}
	switch o.Name {
	case "pmfromfile", "pmf", "ipmatchfromfile", "ipmatchf": // the same file may stand in several folders
		var err error
		if o.Arg, err = readFile(c.root, o); err != nil {
			return nil, err
		}
	}
	o.Dir = ""
	c.mu.Lock()
	defer c.mu.Unlock()
	if out := c.made[o].Value(); out != nil {
		return out, nil
	}
	out, err := c.newOperator(o, arg)
	if err != nil {
		return nil, err
	}
	c.numbers++
	out.Number = c.numbers
	c.made[o] = weak.Make(out)
	return out, nil
}

func (c *Compiler) newOperator(o seclang.Operator, arg Macro) (*Operator, error) {
	out, err := c.compileOperator(o, arg)
	if err == nil {
		out.Chance = out.Need.Chance()
	}
	return &out, err
}

// Tidy forgets operators that no rule has any more.
func (c *Compiler) Tidy() {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.made, func(_ seclang.Operator, o weak.Pointer[Operator]) bool { return o.Value() == nil })
}
