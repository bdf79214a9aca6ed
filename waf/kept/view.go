package kept

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// The variables that say something of the collection itself.
const timeout = "timeout"

var builtins = map[string]func(o *collection) string{
	"key":              func(o *collection) string { return o.name },
	"is_new":           func(o *collection) string { return flag(o.loaded.New) },
	"create_time":      func(o *collection) string { return strconv.FormatInt(o.loaded.Created.Unix(), 10) },
	"last_update_time": func(o *collection) string { return strconv.FormatInt(o.loaded.Updated.Unix(), 10) },
	"update_counter":   func(o *collection) string { return strconv.FormatInt(o.loaded.Updates, 10) },
	"update_rate":      func(o *collection) string { return strconv.FormatInt(o.loaded.perMinute(), 10) },
	timeout:            func(o *collection) string { return strconv.FormatInt(int64(o.timeout/time.Second), 10) },
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// perMinute is how often it was changed in a minute, since it was made.
func (l *Loaded) perMinute() int64 {
	age := int64(l.Now.Sub(l.Created) / time.Second)
	if age <= 0 {
		return 0
	}
	return 60 * l.Updates / age
}

// Plan is what a policy's rules have to do with collections.
type Plan struct {
	Timeout time.Duration // how long a collection is kept from its last change
	Names   [Kinds][]string
}

// DefaultTimeout is how long a collection is kept if no SecCollectionTimeout says otherwise.
const DefaultTimeout = time.Hour

// Uses adds a variable's name, in lower case, to those that the rules mention.
func (p *Plan) Uses(k Kind, name string) {
	if !slices.Contains(p.Names[k], name) {
		p.Names[k] = append(p.Names[k], name)
	}
}

// View is what one transaction sees of the collections, and what it changes. A nil view sees nothing.
type View struct {
	plan  *Plan
	store Store // nil: nothing is kept, and nothing is known
	begun [Kinds]*collection
	known map[Key]*Loaded // what was loaded, also if it is begun again
}

// collection is one that a rule has begun.
type collection struct {
	name    string
	key     Key
	loaded  *Loaded
	timeout time.Duration
	steps   []Step
	said    bool // the timeout was said by a rule
}

// NewView returns what a transaction sees of a store.
func NewView(p *Plan, s Store) *View { return &View{plan: p, store: s} }

// Again forgets what was begun and changed, for who goes through the rules once more. What was
// loaded is the same for them.
func (v *View) Again() {
	if v != nil {
		v.begun = [Kinds]*collection{}
	}
}

// Apart returns a view of what this one has loaded, whose changes nobody keeps.
func (v *View) Apart() *View {
	if v == nil {
		return nil
	}
	return &View{plan: v.plan, known: v.known}
}

// Names are those of a collection's variables that the policy's rules mention.
func (v *View) Names(k Kind) []string {
	if v == nil {
		return nil
	}
	return v.plan.Names[k]
}

// Begin begins a collection, if it has a name and none of this kind is begun.
func (v *View) Begin(k Kind, name string) {
	if v == nil || name == "" || v.begun[k] != nil {
		return
	}
	key := NewKey(k, name)
	loaded := v.known[key]
	if loaded == nil {
		loaded = v.load(key)
		if v.known == nil {
			v.known = map[Key]*Loaded{}
		}
		v.known[key] = loaded
	}
	o := &collection{name: strings.Clone(name[:min(len(name), MaxValue)]), key: key, loaded: loaded, timeout: loaded.Timeout}
	if o.timeout <= 0 {
		o.timeout = v.plan.Timeout
	}
	v.begun[k] = o
}

func (v *View) load(key Key) *Loaded {
	if v.store == nil {
		now := time.Now()
		return &Loaded{New: true, Now: now, Created: now, Updated: now}
	}
	l := v.store.Load(key)
	return &l
}

// Variable returns the value of a variable, whose name is in lower case.
func (v *View) Variable(k Kind, name string) (value string, ok bool) {
	if v == nil || v.begun[k] == nil {
		return "", false
	}
	o := v.begun[k]
	if of, ok := builtins[name]; ok {
		return of(o), true
	}
	value, ok = o.loaded.Variables[name]
	if i := o.find(name); i >= 0 {
		switch s := &o.steps[i]; s.Op {
		case Set:
			return s.Text, true
		case Add:
			return strconv.FormatInt(Sum(value, s.N), 10), true
		case Remove:
			return "", false
		}
	}
	return value, ok
}

// Sum is what a sum is: not below zero, and what is no number counts as zero.
func Sum(value string, n int64) int64 {
	before, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		before = 0
	}
	switch sum := before + n; {
	case n > 0 && sum < before: // no more than there can be
		return before
	case sum < 0:
		return 0
	default:
		return sum
	}
}

// Do carries an act out, with the places of its text filled in.
func (v *View) Do(a *Act, text string) {
	if a.Do == Begin {
		v.Begin(a.Kind, text)
		return
	}
	if v == nil || v.begun[a.Kind] == nil {
		return
	}
	o := v.begun[a.Kind]
	switch a.Do {
	case Assign:
		o.assign(a.Name, text)
	case Unset:
		*o.step(a.Name) = Step{Name: a.Name, Op: Remove}
	case Expire:
		if n, err := strconv.ParseInt(text, 10, 32); err == nil && n > 0 {
			o.step(a.Name).Expire = time.Duration(n) * time.Second
		}
	case Deprecate:
		periods := int64(o.loaded.Now.Sub(o.loaded.Updated) / a.Period)
		if value, ok := v.Variable(a.Kind, a.Name); ok && periods > 0 {
			if left := Sum(value, -a.Amount*min(periods, 1<<31)); strconv.FormatInt(left, 10) != value {
				o.add(a.Name, left-Sum(value, 0))
			}
		}
	}
}

// assign sets a variable, or adds to it.
func (o *collection) assign(name, value string) {
	if name == timeout {
		if n, err := strconv.ParseInt(value, 10, 32); err == nil && n > 0 {
			o.timeout, o.said = time.Duration(n)*time.Second, true
		}
		return
	}
	if value != "" && (value[0] == '+' || value[0] == '-') {
		n, err := strconv.ParseInt(value[1:], 10, 32)
		if err == nil || len(value) == 1 {
			if value[0] == '-' {
				n = -n
			}
			o.add(name, n)
			return
		}
	}
	if len(value) > MaxValue {
		return
	}
	s := o.step(name)
	s.Op, s.Text, s.N = Set, strings.Clone(value), 0
}

// add adds to a variable. What was set by this transaction is set to the sum.
func (o *collection) add(name string, n int64) {
	switch s := o.step(name); s.Op {
	case Nothing, Add:
		before := Sum(o.loaded.Variables[name], s.N)
		if after := Sum(strconv.FormatInt(before, 10), n); after == 0 && n < 0 {
			n = -before // no less than there was
		}
		s.Op, s.N = Add, s.N+n
	case Set:
		s.Text = strconv.FormatInt(Sum(s.Text, n), 10)
	case Remove:
		s.Op, s.Text = Set, strconv.FormatInt(Sum("", n), 10)
	}
}

func (o *collection) find(name string) int {
	return slices.IndexFunc(o.steps, func(s Step) bool { return s.Name == name })
}

// step returns what was done to a variable so far.
func (o *collection) step(name string) *Step {
	i := o.find(name)
	if i < 0 {
		i = len(o.steps)
		o.steps = append(o.steps, Step{Name: name})
	}
	return &o.steps[i]
}

// Changes are what was done so far, a change for each collection that was changed.
func (v *View) Changes() (out []Change) {
	if v == nil {
		return nil
	}
	for _, o := range v.begun {
		if o != nil && (len(o.steps) > 0 || o.said) {
			out = append(out, Change{Key: o.key, Timeout: o.timeout, Steps: o.steps})
		}
	}
	return out
}

// Keep gives the changes to the store. The view sees nothing any more.
func (v *View) Keep() {
	if v == nil || v.store == nil {
		return
	}
	for _, c := range v.Changes() {
		v.store.Change(c)
	}
	v.begun = [Kinds]*collection{}
}
