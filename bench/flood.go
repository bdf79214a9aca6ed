package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/wafer-waf/wafer/test/corpus"
)

// flood measures what a flood of attacks costs, and what ordinary requests notice of it, of several
// binaries in turn: what is compared is measured within the same minute, and again in the next round.
func flood(ctx context.Context, o options, binaries []string, rounds int) error {
	pools, err := poolsOf(amount{corpus.Benign, 300}, amount{corpus.Siege, variants}, amount{only("attack", corpus.Attack), variants})
	if err != nil {
		return err
	}
	s, err := newSite(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	file, err := s.routes("flood", "block", 1, 1)
	if err != nil {
		return err
	}
	for round := range rounds {
		for _, binary := range binaries {
			v, _, err := s.startWafer(ctx, binary, "wafer", "off", file)
			if err != nil {
				return err
			}
			if err := dropOdd(s, v, pools); err != nil {
				return err
			}
			benign, siege, attacks := pools[0], pools[1], pools[2]
			cost, err := costOf(ctx, o, v, siege)
			if err != nil {
				return err
			}
			f, err := measureOverload(ctx, o, v, attacks, benign)
			if err != nil {
				return err
			}
			say("%d %-14s siege %4.0f µs each | flood %4.0f µs each of %d blocked, %d shed, %d screened | clean p50 %5.0f → %6.0f, p99 %6.0f → %6.0f µs: %4.1f times, after a second %6.0f µs: %4.1f times; %d refused",
				round, filepath.Base(binary), cost, f.MicrosEach, f.AttacksBlocked, f.AttacksShed, f.AttacksScreened,
				f.Quiet.P50, f.Flooded.P50, f.Quiet.P99, f.Flooded.P99, f.Flooded.P99/f.Quiet.P99,
				f.Settled.P99, f.Settled.P99/f.Quiet.P99, f.CleanShed)
			s.stop(v)
		}
	}
	return nil
}

// dropOdd takes out of the pools what Wafer decides unlike the rules alone, which may be a few: it reads
// more of a request than they do, and its policy corrects some of them.
func dropOdd(s *site, v *server, pools []pool) error {
	for i, p := range pools {
		all, err := ask(v, p, s.backend)
		if err != nil {
			return err
		}
		if len(all)*20 > len(p.list) {
			return fmt.Errorf("verify %s: %s: %d of %d, such as %w", v.name, p.name, len(all), len(p.list), all[0])
		}
		dropped := map[string]bool{}
		for _, w := range all {
			say("left out of %s: %d for %.200q", p.name, w.status, w.request.raw)
			dropped[string(w.request.raw)] = true
		}
		pools[i] = p.without(dropped)
	}
	return nil
}

// costOf is the CPU time of each request of a pool, in microseconds, while the server is kept busy with them.
func costOf(ctx context.Context, o options, v *server, p pool) (float64, error) {
	v.settle()
	before := cpuTime(v.pids)
	done, err := closedLoop(ctx, v, p, o.Inspected, time.Duration(o.Seconds)*time.Second)
	if err != nil {
		return 0, fmt.Errorf("cost of %s: %w", p.name, err)
	}
	v.settle()
	return micros(cpuTime(v.pids)-before) / float64(done.Requests), nil
}
