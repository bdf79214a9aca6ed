package waf

import (
	"fmt"
	"strings"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types/variables"
	"github.com/wafer-waf/wafer/waf/kept"
)

// registerActs gives Coraza the actions that are about collections. Three of them it has, and does nothing.
func registerActs() {
	for _, name := range []string{"initcol", "setsid", "setuid", "setrsc", "expirevar", "deprecatevar", kept.Assignment} {
		plugins.RegisterAction(name, func() plugintypes.Action { return &act{word: name} })
	}
}

// act is such an action of a rule.
type act struct {
	word string
	kept.Act
	text filling
}

// Init reads the argument.
func (a *act) Init(_ plugintypes.RuleMetadata, arg string) (err error) {
	if a.Act, err = kept.ParseAct(a.word, arg); err != nil {
		return err
	}
	a.text, err = parseFilling(a.Text)
	return err
}

// Type is that of actions that decide nothing.
func (a *act) Type() plugintypes.ActionType { return plugintypes.ActionTypeNondisruptive }

// Evaluate carries it out, and shows rules what came of it.
func (a *act) Evaluate(_ plugintypes.RuleMetadata, tx plugintypes.TransactionState) {
	p, ok := tx.DebugLogger().(*purse)
	if !ok || p.view == nil {
		return
	}
	p.view.Do(&a.Act, a.text.in(tx))
	if a.Do != kept.Begin {
		show(p.view, tx, a.Kind, a.Name)
		return
	}
	for _, name := range p.view.Names(a.Kind) {
		show(p.view, tx, a.Kind, name)
	}
}

// show writes a variable of a collection into TX.
func show(v *kept.View, tx plugintypes.TransactionState, k kept.Kind, name string) {
	if value, ok := v.Variable(k, name); ok {
		tx.Variables().TX().Set(kept.InTX(k, name), []string{value})
	} else {
		tx.Variables().TX().Remove(kept.InTX(k, name))
	}
}

// filling is a text with places that are filled in while a request runs. What is not there is filled in with
// nothing, as in ModSecurity, and not with the place's own name, as Coraza's macros do: all clients
// without a cookie would be one.
type filling []piecePlace

type piecePlace struct {
	text     string
	variable variables.RuleVariable // variables.Unknown: it is a text
	key      string
}

func parseFilling(text string) (out filling, err error) {
	for text != "" {
		before, rest, found := strings.Cut(text, "%{")
		if before != "" {
			out = append(out, piecePlace{text: before})
		}
		if !found {
			return out, nil
		}
		place, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, fmt.Errorf("%q has no end", "%{"+place)
		}
		name, key, _ := strings.Cut(place, ".")
		v, err := variables.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("there is no variable %s", strings.ToUpper(name))
		}
		out = append(out, piecePlace{variable: v, key: strings.ToLower(key)})
		text = after
	}
	return out, nil
}

// checkPlaces says what is wrong with the places of a text, as it is written.
func checkPlaces(text string) error {
	_, err := parseFilling(compiledPlaces(text))
	return err
}

func (f filling) in(tx plugintypes.TransactionState) string {
	if len(f) == 1 {
		return f[0].in(tx)
	}
	var b strings.Builder
	for i := range f {
		b.WriteString(f[i].in(tx))
	}
	return b.String()
}

func (p *piecePlace) in(tx plugintypes.TransactionState) string {
	if p.variable == variables.Unknown {
		return p.text
	}
	switch c := tx.Collection(p.variable).(type) {
	case collection.Keyed:
		if values := c.Get(p.key); len(values) > 0 {
			return values[0]
		}
	case collection.Single:
		return c.Get()
	case collection.Collection:
		if all := c.FindAll(); len(all) > 0 {
			return all[0].Value()
		}
	}
	return ""
}
