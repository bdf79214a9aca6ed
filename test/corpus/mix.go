package corpus

import (
	"fmt"
	"maps"
	"slices"
)

// writers has a writer for each kind. Sizes are those of a body.
var writers = map[string]func(*author) Request{
	"get":       (*author).page,
	"search":    (*author).search,
	"login":     (*author).login,
	"checkout":  (*author).checkout,
	"comment":   (*author).comment,
	"upload":    (*author).upload,
	"order":     (*author).order,
	"event":     (*author).event,
	"settings":  (*author).settings,
	"bulk":      (*author).bulk,
	"graphql":   (*author).graphql,
	"article":   (*author).article,
	"thumbnail": (*author).thumbnail,
	"languages": (*author).foreign,
	"json-100B": (*author).ping,
	"json-1KB":  func(a *author) Request { return a.sized("json-1KB", 1000, 650) },
	"json-10KB": func(a *author) Request { return a.sized("json-10KB", 10000, 180) },
	"json-100KB": func(a *author) Request {
		return a.sized("json-100KB", 100000, 1700)
	},
}

// Kinds returns the kinds of ordinary requests, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(writers)) }

// Ordinary returns n different requests of a kind. It fails if there is no such kind.
func Ordinary(kind string, n int) ([]Request, error) {
	write, ok := writers[kind]
	if !ok {
		return nil, fmt.Errorf("no such kind of request: %q", kind)
	}
	a, seen := newAuthor(kind), map[string]bool{}
	var list []Request
	for len(list) < n {
		r := write(a)
		if raw := string(r.Bytes()); !seen[raw] {
			seen[raw] = true
			list = append(list, r)
		}
	}
	return list, nil
}

// Part is a kind and its share in a [Mix].
type Part struct {
	Kind    string
	Percent int
}

// Mix says what traffic consists of; the shares add up to 100.
type Mix struct {
	Name  string
	Parts []Part
}

// The mixes that figures are given for.
var (
	// Benign is a shop's day without attacks: pages, searches, its API, few forms.
	Benign = Mix{"benign", []Part{
		{"get", 60}, {"search", 10}, {"event", 9}, {"graphql", 4}, {"settings", 3}, {"login", 3}, {"checkout", 3},
		{"languages", 2}, {"comment", 2}, {"order", 1}, {"article", 1}, {"thumbnail", 1}, {"upload", 1},
	}}
	// Mixed has one attack in twenty requests.
	Mixed = Mix{"mix", []Part{{"get", 80}, {"checkout", 10}, {"order", 5}, {Attack, 5}}}
	// Siege is nearly all attacks.
	Siege = Mix{"siege", []Part{{Attack, 90}, {"get", 8}, {"event", 1}, {"checkout", 1}}}
)

// String lists the shares.
func (m Mix) String() string {
	text := ""
	for i, p := range m.Parts {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%d %% %s", p.Percent, p.Kind)
	}
	return text
}

// Kinds returns for each of n requests its kind: every hundred has exactly the shares of the
// mix, in an order that is the same in every run.
func (m Mix) Kinds(n int) []string {
	var hundred []string
	for _, p := range m.Parts {
		for range p.Percent {
			hundred = append(hundred, p.Kind)
		}
	}
	a := newAuthor(m.Name)
	var list []string
	for len(list) < n {
		a.Shuffle(len(hundred), func(i, j int) { hundred[i], hundred[j] = hundred[j], hundred[i] })
		list = append(list, hundred...)
	}
	return list[:n]
}
