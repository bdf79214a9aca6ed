package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"

	"github.com/corazawaf/coraza/v3"

	"github.com/wafer-waf/wafer/test/corpus"
	"github.com/wafer-waf/wafer/test/stock"
)

// request is one request as it goes over the wire.
type request struct {
	raw    []byte
	attack bool
}

// pool is what a load generator sends, one after the other and then from the start. No
// two requests of a kind are equal: ordinary traffic varies, and a cache that lives on
// repetition should not look good here.
type pool struct {
	name string
	list []request
}

// attacks counts them.
func (p pool) attacks() (n int) {
	for _, r := range p.list {
		if r.attack {
			n++
		}
	}
	return n
}

// save writes the pool in the form that wrk.lua reads: length, line end, request.
func (p pool) save(file string) error {
	var b strings.Builder
	for _, r := range p.list {
		fmt.Fprintf(&b, "%d\n%s", len(r.raw), r.raw)
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// without returns the pool without the requests that are named by their bytes.
func (p pool) without(dropped map[string]bool) pool {
	rest := pool{name: p.name}
	for _, r := range p.list {
		if !dropped[string(r.raw)] {
			rest.list = append(rest.list, r)
		}
	}
	return rest
}

// judged is what the rules at paranoia level 1 say of a kind of request.
type judged struct {
	Kind    string
	Asked   int
	Refused int
	Matched int // a rule matched, whether the score sufficed or not
	Bytes   int // of all that were asked about
}

// library hands out requests of the corpus about which stock Coraza has no doubt: ordinary
// ones that it lets pass, attacks that it refuses. The others are counted.
type library struct {
	waf     coraza.WAF
	kept    map[string][]corpus.Request
	verdict map[string]judged
}

func newLibrary() (*library, error) {
	waf, err := stock.New()
	return &library{waf: waf, kept: map[string][]corpus.Request{}, verdict: map[string]judged{}}, err
}

// take returns n different requests of a kind, the same ones in every run.
func (l *library) take(kind string, n int) ([]corpus.Request, error) {
	if len(l.kept[kind]) >= n {
		return l.kept[kind][:n], nil
	}
	candidates, err := l.candidates(kind, 2*n+20)
	if err != nil {
		return nil, err
	}
	j := l.verdict[kind]
	j.Kind = kind
	// What was asked before comes first again.
	for _, r := range candidates[j.Asked:] {
		v, err := stock.Judge(l.waf, r)
		if err != nil {
			return nil, fmt.Errorf("judge %s %s: %w", kind, r.Source, err)
		}
		j.Asked++
		j.Bytes += len(r.Bytes())
		if v.Status != 0 {
			j.Refused++
		}
		if len(v.Rules) > 0 {
			j.Matched++
		}
		wanted := 0
		if kind == corpus.Attack {
			wanted = http.StatusForbidden
		}
		if v.Status == wanted {
			if l.kept[kind] = append(l.kept[kind], r); len(l.kept[kind]) == n {
				break
			}
		}
	}
	l.verdict[kind] = j
	if len(l.kept[kind]) < n {
		return nil, fmt.Errorf("of %d requests of kind %s, the rules agree with %d; %d are needed", j.Asked, kind, len(l.kept[kind]), n)
	}
	return l.kept[kind], nil
}

// candidates are in an order of their own: of the attacks, whose order is that of the rules,
// any part is to hold all classes.
func (l *library) candidates(kind string, n int) ([]corpus.Request, error) {
	if kind != corpus.Attack {
		return corpus.Ordinary(kind, n)
	}
	all, err := corpus.Attacks()
	rand.New(rand.NewPCG(20, 26)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, err
}

// pool writes n requests in the shares of a mix.
func (l *library) pool(m corpus.Mix, n int, host func(int) string) (pool, error) {
	p, next := pool{name: m.Name}, map[string]int{}
	kinds := m.Kinds(n)
	for _, kind := range kinds {
		next[kind]++
	}
	lists := map[string][]corpus.Request{}
	for kind, n := range next {
		list, err := l.take(kind, n)
		if err != nil {
			return p, err
		}
		lists[kind], next[kind] = list, 0
	}
	for i, kind := range kinds {
		r := lists[kind][next[kind]]
		next[kind]++
		if host != nil {
			r = r.At(host(i))
		}
		p.list = append(p.list, request{raw: r.Bytes(), attack: kind == corpus.Attack})
	}
	return p, nil
}

// amount is how many requests of a mix are wanted.
type amount struct {
	mix corpus.Mix
	n   int
}

// poolsOf writes a pool of each, of a library of their own.
func poolsOf(wanted ...amount) ([]pool, error) {
	lib, err := newLibrary()
	if err != nil {
		return nil, err
	}
	pools := make([]pool, len(wanted))
	for i, a := range wanted {
		if pools[i], err = lib.pool(a.mix, a.n, nil); err != nil {
			return nil, err
		}
	}
	return pools, nil
}

// only is the mix that has nothing but one kind, under a name of its own.
func only(name, kind string) corpus.Mix {
	return corpus.Mix{Name: name, Parts: []corpus.Part{{Kind: kind, Percent: 100}}}
}

// variants is how many different requests of a kind there are.
const variants = 200

// thousandHosts are the names that requests ask for where there are many routes.
func thousandHosts(i int) string { return fmt.Sprintf("service-%d.example.com", i%1000) }

// tierPools are what "bench run" sends: three kinds of ordinary requests, a mix of them with
// and without attacks, the mix for a thousand hosts, and all attacks of it.
func tierPools(l *library) (map[string]pool, error) {
	quiet := corpus.Mix{Name: "mix", Parts: []corpus.Part{{Kind: "get", Percent: 85}, {Kind: "checkout", Percent: 10}, {Kind: "order", Percent: 5}}}
	hosts := quiet
	hosts.Name = "hosts"
	attacks := corpus.Mixed
	attacks.Name = "attacks"
	pools := map[string]pool{}
	for _, w := range []struct {
		mix  corpus.Mix
		n    int
		host func(int) string
	}{
		{only("get", "get"), variants, nil}, {only("form", "checkout"), variants, nil}, {only("json", "order"), variants, nil},
		{quiet, variants, nil}, {attacks, variants, nil}, {hosts, 5 * variants, thousandHosts}, {only("attack", corpus.Attack), variants, nil},
	} {
		p, err := l.pool(w.mix, w.n, w.host)
		if err != nil {
			return nil, err
		}
		pools[p.name] = p
	}
	return pools, nil
}
