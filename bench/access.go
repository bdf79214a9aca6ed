package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// room is an access policy with one thing turned on.
type room struct {
	name   string
	lists  string // of the route file
	policy string // what stands in the access policy
	rules  string // of the policy, which inspects then; "": it does not
	store  bool   // it takes one
}

// rooms are what "bench access" compares, the first without any.
var rooms = []room{
	{name: "none"},
	{name: "rules", policy: `
    rules:
      - { id: office, when: { addresses: [10.0.0.0/8, "2001:db8::/32"] }, then: always_allow }
      - { id: admin, when: { paths: [{ prefix: /admin }], not: { addresses: [10.0.0.0/8] } }, then: deny }
      - { id: scrapers, when: { user_agents: ["(?i)scrapy", "(?i)httrack"] }, then: deny }
      - { id: debug, when: { headers: [{ name: X-Debug, present: true }] }, then: deny }`},
	{name: "a list of a million", lists: "lists: [{ id: million, file: million.txt }]\n", policy: `
    rules: [{ id: listed, when: { addresses: [million] }, then: deny }]`},
	{name: "two limits", policy: `
    limits: [` + limit("a", "client", "none") + `, ` + limit("b", "path", "none") + `]`},
	{name: "a limit, shared", store: true, policy: `
    limits: [` + limit("a", "client", "local") + `]`},
	{name: "a limit, exact", store: true, policy: `
    limits: [` + limit("a", "client", "exact") + `]`},
	{name: "a ban", policy: `
    bans: [{ id: scanners, statuses: [404], count: 1000 }]`},
	{name: "an API key", policy: `
    api_keys: { mode: required, from: [{ header: X-Api-Key }], file: keys.txt }`},
	{name: "inspection", rules: `SecMarker NOTHING`},
	{name: "and a counter", rules: ruleCounter},
	{name: "and a counter, shared", rules: ruleCounter, store: true},
}

// ruleCounter counts the requests of each client in a collection of rules.
const ruleCounter = `SecAction "id:100001,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},setvar:ip.n=+1,expirevar:ip.n=60"
          SecRule IP:n "@gt 1000000000" "id:100002,phase:1,deny,status:429"`

func limit(id, part, share string) string {
	return fmt.Sprintf("{ id: %s, rate: 1000000/s, key: [%s], share: %s }", id, part, share)
}

const benchKey = "a-key-of-the-benchmark-that-is-long-enough"

// compareAccess measures what the parts of an access policy cost a request that passes, in turn. Nothing is inspected, so that
// they are seen.
func compareAccess(ctx context.Context, o options, binary string, rounds int) error {
	pools, err := poolsOf(amount{only("get", "get"), variants})
	if err != nil {
		return err
	}
	p := pools[0]
	for i := range p.list {
		p.list[i].raw = bytes.Replace(p.list[i].raw, []byte("\r\n"), []byte("\r\nX-Api-Key: "+benchKey+"\r\n"), 1)
	}
	s, err := newSite(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.accessFiles(); err != nil {
		return err
	}
	store, err := s.startStore(ctx)
	if err != nil {
		return err
	}
	var servers []*server
	for _, r := range rooms {
		v, err := s.startRoom(ctx, binary, r, store)
		if err != nil {
			return err
		}
		if v != nil {
			servers = append(servers, v)
		}
	}
	if err := dropOdd(s, servers[0], pools); err != nil {
		return err
	}
	taken := make([][]float64, len(servers))
	for round := range rounds + 1 { // the first fills caches, and does not count
		for i, v := range servers {
			each, err := costOf(ctx, o, v, p)
			if err != nil {
				return err
			}
			if round > 0 {
				taken[i] = append(taken[i], each)
			}
		}
	}
	for i, v := range servers {
		slices.Sort(taken[i])
		say("%-22s µs each: least %6.1f, median %6.1f; %+.1f", v.name, taken[i][0], taken[i][rounds/2], taken[i][rounds/2]-taken[0][rounds/2])
	}
	return nil
}

// startRoom starts the tier with an access policy; nil: it needs a store, and there is none.
func (s *site) startRoom(ctx context.Context, binary string, r room, store string) (*server, error) {
	if r.store && store == "" {
		say("%-22s needs redis-server, which is not installed", r.name)
		return nil, nil
	}
	mode, settings := "off", []string(nil)
	if r.rules != "" {
		mode, settings = "block", []string{"rules_before:", "  - inline: |", "      " + r.rules}
	}
	file, err := s.routes("access", mode, 1, 1, settings...)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if r.policy != "" {
		text = append(text, r.lists+"access:\n  - id: default"+r.policy+"\n"...)
	}
	if file = filepath.Join(s.dir, strings.ReplaceAll(r.name, " ", "-")+".yaml"); os.WriteFile(file, text, 0o644) != nil {
		return nil, fmt.Errorf("write %s", file)
	}
	var more []string
	if r.store {
		more = []string{"--store-addresses", store}
	}
	v, _, err := s.startWafer(ctx, binary, r.name, "off", file, more...)
	return v, err
}

// accessFiles writes what the access policies name.
func (s *site) accessFiles() error {
	var list strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	for range 1_000_000 {
		a := netip.AddrFrom4([4]byte{byte(128 + random.IntN(96)), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))})
		fmt.Fprintln(&list, a)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "million.txt"), []byte(list.String()), 0o644); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(benchKey))
	return os.WriteFile(filepath.Join(s.dir, "keys.txt"), []byte("bench sha256:"+hex.EncodeToString(sum[:])+"\n"), 0o644)
}

// startStore starts a Redis and returns its address; empty: it is not installed.
func (s *site) startStore(ctx context.Context) (string, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil
	}
	addr, err := freeAddr()
	if err != nil {
		return "", err
	}
	_, port, _ := strings.Cut(addr, ":")
	c := exec.CommandContext(ctx, program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
	if err := c.Start(); err != nil {
		return "", err
	}
	s.store = c
	return addr, nil
}
