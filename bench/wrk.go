package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// wrkResult is the line that wrk.lua prints.
type wrkResult struct {
	Requests  int `json:"requests"`
	Micros    int `json:"micros"`
	Status400 int `json:"status_400_up"`
	Errors    int `json:"errors"`
}

// wrk keeps that many connections busy with a pool for some seconds.
func wrk(ctx context.Context, o options, dir, url string, p pool, connections, seconds int) (r wrkResult, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "taskset", "-c", strconv.Itoa(loadCore), "wrk", "-t1", "-c", strconv.Itoa(connections),
		"-d", strconv.Itoa(seconds)+"s", "--timeout", "20s", "-s", o.script, url, "--", poolFile(dir, p))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return r, fmt.Errorf("wrk: %w: %s", err, out)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &r); err != nil {
		return r, fmt.Errorf("wrk printed %q: %w", out, err)
	}
	if r.Errors > 0 {
		return r, fmt.Errorf("wrk: %d connections failed or requests timed out:\n%s", r.Errors, out)
	}
	if r.Requests == 0 || r.Micros == 0 {
		return r, fmt.Errorf("wrk: nothing was answered:\n%s", out)
	}
	return r, nil
}

func poolFile(dir string, p pool) string { return filepath.Join(dir, p.name+".pool") }

// measure loads a server and returns what it did and used.
func measure(ctx context.Context, o options, s *site, v *server, p pool) (m throughput, err error) {
	v.settle()
	clean, inspect, screens := v.screened()
	began, used, busy := time.Now(), cpuTime(v.pids), coreBusy(serverCore)
	r, err := load(ctx, o, s.dir, v, p)
	if err != nil {
		return m, fmt.Errorf("%s, access log %s, %s: %w", v.name, v.accessLog, p.name, err)
	}
	v.settle()
	used, busy = cpuTime(v.pids)-used, coreBusy(serverCore)-busy
	v.peakBytes = max(v.peakBytes, proportionalBytes(v.pids))
	if err := truncate(v.events); err != nil {
		return m, err
	}
	share, got := 0.0, float64(r.Refused)/float64(r.Requests)
	if v.inspects {
		share = float64(p.attacks()) / float64(len(p.list))
	}
	if share == 0 && r.Refused > 0 {
		return m, fmt.Errorf("%s, access log %s, %s: %d of %d answers were refusals", v.name, v.accessLog, p.name, r.Refused, r.Requests)
	} else if (got < share*0.8 || got > share*1.2) && r.Requests > 1000 {
		return m, fmt.Errorf("%s, %s: %.1f %% of the answers were refusals, want %.1f %%", v.name, p.name, 100*got, 100*share)
	}
	served := r.Requests + r.Unanswered
	m = throughput{
		Server: v.name, AccessLog: v.accessLog, Request: p.name, Loader: r.Loader,
		Requests: r.Requests, Refused: r.Refused,
		PerSecond:  round(float64(r.Requests)/(float64(r.Micros)/1e6), 1),
		CPUMicros:  round(micros(used)/float64(served), 2),
		CoreShare:  round(used.Seconds()/(float64(r.Micros)/1e6), 3),
		OtherShare: round(max(0, (busy-used).Seconds()/time.Since(began).Seconds()), 3),
	}
	if c, i, _ := v.screened(); screens && c+i > clean+inspect {
		share := round((c-clean)/(c-clean+i-inspect), 4)
		m.CleanShare = &share
	}
	return m, nil
}
