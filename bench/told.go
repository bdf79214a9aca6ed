package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// telling is a way in which the tier tells of a request that is clean.
type telling struct {
	name   string
	silent bool   // the binary counts nothing that belongs to a request
	events bool   // each request has an event, on standard output
	boot   string // settings beside
	routes string // of the route file, whose routes are recorded
	server *server
}

func tellings(dir string) []telling {
	file := func(name string) string {
		return "{ path: " + filepath.Join(dir, name) + ", max_size: 256MiB, keep: 1 }"
	}
	return []telling{
		{name: "nothing", silent: true, boot: "recent: { memory: 0 }\n"},
		{name: "nothing, again", silent: true, boot: "recent: { memory: 0 }\n"}, // which says what the machine adds
		{name: "metrics", boot: "recent: { memory: 0 }\n"},
		{name: "metrics, events", events: true, boot: "recent: { memory: 0 }\n"},
		{name: "all by default", events: true, boot: "log: { level: info }\n"},
		{name: "and a file of events", events: true, boot: "events: { sinks: [{ id: file, events: [access, security], file: " + file("events.jsonl") + " }] }\n"},
		{
			name: "and 1 % records", events: true, boot: "records: { file: " + file("records.jsonl") + " }\n",
			routes: "records: [{ id: some, sample: 1% }]\n",
		},
	}
}

// compareTelling measures what it costs to tell of a request that is clean: CPU time with each way of it, in turn.
func compareTelling(ctx context.Context, o options, binary, silent string, rounds int) error {
	pools, err := poolsOf(amount{only("get", "get"), variants}, amount{only("form", "checkout"), variants})
	if err != nil {
		return err
	}
	s, err := newSite(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	ways := tellings(s.dir)
	for i := range ways {
		if ways[i].server, err = s.startTelling(ctx, binary, silent, &ways[i]); err != nil {
			return fmt.Errorf("%s: %w", ways[i].name, err)
		}
		if err := dropOdd(s, ways[i].server, pools); err != nil {
			return err
		}
	}
	for _, p := range pools {
		taken := make([][]float64, len(ways))
		for round := range rounds + 1 { // the first fills caches, and does not count
			for i := range ways {
				each, err := costOf(ctx, o, ways[i].server, p)
				if err != nil {
					return err
				}
				if round > 0 {
					taken[i] = append(taken[i], each)
				}
			}
		}
		for i := range ways {
			ratios := make([]float64, rounds) // next to each other in time
			for round := range rounds {
				ratios[round] = taken[i][round] / taken[0][round]
			}
			slices.Sort(ratios)
			slices.Sort(taken[i])
			say("%-9s %-22s µs each: least %6.1f, median %6.1f; of nothing: median %.3f", p.name, ways[i].name, taken[i][0], taken[i][rounds/2], ratios[rounds/2])
		}
	}
	return nil
}

func (s *site) startTelling(ctx context.Context, binary, silent string, w *telling) (*server, error) {
	name := fileName(w.name)
	routes, err := s.routes(name, "block", 1, 1)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(routes)
	if err != nil {
		return nil, err
	}
	boot := filepath.Join(s.dir, name+"-boot.yaml")
	if w.routes != "" {
		text = append(bytes.Replace(text, []byte("{ id: route-0,"), []byte("{ id: route-0, record: some,"), 1), w.routes...)
	}
	for file, content := range map[string]string{routes: string(text), boot: w.boot} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	log := "off"
	if w.events {
		log = "file"
	}
	if w.silent {
		binary = silent
	}
	v, _, err := s.startWafer(ctx, binary, w.name, log, routes, "--config", boot)
	return v, err
}

// uncounted are the functions of the product that count what belongs to a request, by file.
var uncounted = map[string][]string{"metrics/route.go": {"Done"}, "metrics/stage.go": {"Inspected"}, "metrics/metrics.go": {"Spoken"}}

// buildSilent builds the product at a place without them: they return at once.
func buildSilent(tree, out string) error {
	dir, err := os.MkdirTemp("", "bench-silent-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	replace := map[string]string{}
	for file, functions := range uncounted {
		path, err := filepath.Abs(filepath.Join(tree, file))
		if err != nil {
			return err
		}
		text, err := silenced(path, functions)
		if err != nil {
			return err
		}
		with := filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(with, text, 0o600); err != nil {
			return err
		}
		replace[path] = with
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return err
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	c := exec.Command("go", "build", "-overlay", list, "-tags", "no_fs_access,grpcnotrace", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", out, "./cmd/wafer")
	c.Dir, c.Env = tree, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, text)
	}
	return nil
}

// silenced is the text of a file whose functions of these names return at once.
func silenced(path string, functions []string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := gotoken.NewFileSet()
	parsed, err := parser.ParseFile(set, path, text, 0)
	if err != nil {
		return nil, err
	}
	found := 0
	for _, d := range slices.Backward(parsed.Decls) {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && slices.Contains(functions, f.Name.Name) {
			text = slices.Insert(text, set.Position(f.Body.Lbrace).Offset+1, []byte("\n\treturn\n")...)
			found++
		}
	}
	if found != len(functions) {
		return nil, fmt.Errorf("%s has %d of %v", path, found, functions)
	}
	return text, nil
}
