package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/wafer-waf/wafer/test/corpus"
)

// compareCost measures the CPU time of one ordinary request of several binaries, in turn: a slice of
// a second or so each, round after round, so that what disturbs the machine disturbs all. Pools
// of different sizes show what is remembered of requests that come again.
func compareCost(ctx context.Context, o options, binaries []string, rounds, different int) error {
	pools, err := poolsOf(amount{only("get", "get"), different}, amount{only("form", "checkout"), different},
		amount{only("json", "order"), different}, amount{corpus.Benign, different})
	if err != nil {
		return err
	}
	s, err := newSite(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	file, err := s.routes("cost", "block", 1, 1)
	if err != nil {
		return err
	}
	servers := make([]*server, len(binaries))
	for i, binary := range binaries {
		if servers[i], _, err = s.startWafer(ctx, binary, fmt.Sprintf("%d-%s", i, filepath.Base(binary)), "off", file); err != nil {
			return err
		}
		if err := dropOdd(s, servers[i], pools); err != nil {
			return err
		}
	}
	for _, p := range pools {
		taken := make([][]float64, len(servers))
		// The first round fills caches, and does not count.
		for round := range rounds + 1 {
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
			say("%-7s %5d different  %-20s µs each: least %6.1f, median %6.1f; %.2f of the first",
				p.name, len(p.list), v.name, taken[i][0], taken[i][rounds/2], taken[i][rounds/2]/taken[0][rounds/2])
		}
	}
	return nil
}
