package bots

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Definition says how a robot is known.
type Definition struct {
	ID      string
	Agents  []string // one of them stands somewhere in the User-Agent field, in this case
	Domains []string // a verified name is one of them, or below one
}

// Bot is a definition, compiled.
type Bot struct {
	ID      string
	agents  []string
	domains []string // with a dot in front, in lower case
	key     string   // the same for bots with the same domains
}

// New compiles a definition.
func New(d Definition) (*Bot, error) {
	b := &Bot{ID: d.ID, agents: d.Agents}
	if slices.Contains(d.Agents, "") {
		return nil, errors.New("user agent \"\" stands in every field")
	}
	for _, name := range d.Domains {
		name = strings.ToLower(strings.Trim(name, "."))
		if !strings.Contains(name, ".") {
			return nil, fmt.Errorf("domain %q: a name with a dot, of which whole zones are below", name)
		}
		b.domains = append(b.domains, "."+name)
	}
	slices.Sort(b.domains)
	b.key = strings.Join(b.domains, "")
	if len(b.agents) == 0 || len(b.domains) == 0 {
		return nil, errors.New("a user agent and a domain are required")
	}
	return b, nil
}

// Claims reports whether a user agent says that it is this one.
func (b *Bot) Claims(agent string) bool {
	for _, a := range b.agents {
		if strings.Contains(agent, a) {
			return true
		}
	}
	return false
}

// owns reports whether a name is one of the operator's.
func (b *Bot) owns(name string) bool {
	name = "." + strings.ToLower(strings.TrimSuffix(name, "."))
	for _, d := range b.domains {
		if strings.HasSuffix(name, d) {
			return true
		}
	}
	return false
}
