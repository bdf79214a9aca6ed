package main

import (
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

	"github.com/wafer-waf/wafer/test/mmdb"
)

// compareAccess measures what the parts of an access policy cost a request that passes, in turn. Nothing is inspected but where
// it is said, so that they are seen. Each tier has to refuse what its policy is there for, before and afterwards.
func compareAccess(ctx context.Context, o options, binary string, rounds int) error {
	pools, err := poolsOf(amount{only("get", "get"), variants})
	if err != nil {
		return err
	}
	requests, err := accessPools(pools[0])
	if err != nil {
		return err
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
	var open []room
	for _, r := range rooms {
		if r.server, err = s.startRoom(ctx, binary, r, store); err != nil {
			return err
		}
		if r.server == nil {
			continue
		}
		if err := r.refuses(); err != nil {
			return err
		}
		open = append(open, r)
	}
	taken := make([][]float64, len(open))
	for round := range rounds + 1 { // the first fills caches, and does not count
		for i, r := range open {
			each, err := costOf(ctx, o, r.server, requests[r.sends])
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			if round > 0 {
				taken[i] = append(taken[i], each)
			}
		}
	}
	for i, r := range open {
		if err := r.refuses(); err != nil {
			return err
		}
		slices.Sort(taken[i])
		say("%-22s µs each: least %6.1f, median %6.1f", r.name, taken[i][0], taken[i][rounds/2])
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
	more := []string{"--trusted-proxies", "127.0.0.0/8"} // requests say whom they are from
	if r.store {
		more = append(more, "--store-addresses", store, "--store-prefix", fileName(r.name)+":") // nobody is banned by another
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
	fmt.Fprintln(&list, stranger)
	places := map[string]mmdb.Record{strangers: {"country": mmdb.Record{"iso_code": "FR"}, "autonomous_system_number": uint32(64511)}}
	for i := range 256 {
		places[fmt.Sprintf("%d.0.0.0/8", i)] = mmdb.Record{"country": mmdb.Record{"iso_code": "DE"}, "autonomous_system_number": uint32(64496)}
	}
	sum := sha256.Sum256([]byte(benchKey))
	for name, text := range map[string][]byte{
		"million.txt": []byte(list.String()), "places.mmdb": mmdb.Write("Places", places),
		"keys.txt": []byte("bench sha256:" + hex.EncodeToString(sum[:]) + "\n"), "issuer.json": issuerKeys(), "challenge.key": []byte(challengeKey),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
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
