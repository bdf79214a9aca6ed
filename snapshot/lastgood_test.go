package snapshot

import (
	"bytes"
	"context"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/metrics"
)

// shelf is a [LastGood] for tests.
type shelf struct {
	mu   sync.Mutex
	all  []*config.Bundle
	kept int
}

func (s *shelf) Keep(*config.Bundle) { s.mu.Lock(); s.kept++; s.mu.Unlock() }

func (s *shelf) put(all ...*config.Bundle) { s.mu.Lock(); s.all = all; s.mu.Unlock() }

func (s *shelf) Kept(context.Context) iter.Seq2[string, *config.Bundle] {
	return func(yield func(string, *config.Bundle) bool) {
		s.mu.Lock()
		all := slices.Clone(s.all)
		s.mu.Unlock()
		for i, b := range all {
			if !yield("shelf "+string(rune('a'+i)), b) {
				return
			}
		}
	}
}

const (
	good   = "routes: [{id: good, upstreams: [{id: u}]}]\nupstreams: [{id: u, endpoints: ['http://127.0.0.1:1']}]\npolicies: [{id: default, mode: \"off\"}]\n"
	broken = "routes: [{id: broken, upstreams: [{id: nobody}]}]\n"
)

// rig is a keeper of a file on disk, and what it told.
type rig struct {
	*Keeper[*Route]
	t        *testing.T
	file     string
	shelf    *shelf
	log      bytes.Buffer
	registry *prometheus.Registry
	told     []Standing
}

func newRig(t *testing.T, text string) *rig {
	r := &rig{t: t, file: filepath.Join(t.TempDir(), "routes.yaml"), shelf: &shelf{}, registry: prometheus.NewRegistry()}
	r.write(text)
	r.Keeper = NewKeeper(Options[*Route]{
		Source: config.FileSource(r.file), Builder: newTestBuilder(), Metrics: metrics.New(r.registry, "", "", ""), Log: zerolog.New(&r.log),
		Swapped: func(*config.Routes) {}, LastGood: r.shelf, Stands: func(s Standing) { r.told = append(r.told, s) },
	})
	return r
}

func (r *rig) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// bundle is the text as a keeper of the same file would have kept it.
func (r *rig) bundle(text string) *config.Bundle {
	return &config.Bundle{Names: []string{"routes.yaml"}, Files: map[string][]byte{"routes.yaml": []byte(text)}}
}

// gauges wants wafer_config_last_reload_successful and wafer_config_last_good to be these.
func (r *rig) gauges(files, lastGood float64) {
	r.t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		want, ok := map[string]float64{"wafer_config_last_reload_successful": files, "wafer_config_last_good": lastGood}[f.GetName()]
		if got := f.GetMetric()[0].GetGauge().GetValue(); ok && got != want {
			r.t.Errorf("%s is %v, want %v", f.GetName(), got, want)
		}
	}
}

// TestLastGood starts with files that are refused, takes the first kept configuration that is not, and the
// files as soon as they are good.
func TestLastGood(t *testing.T) {
	r := newRig(t, broken)
	r.shelf.put(r.bundle(broken), r.bundle("no yaml: ["), r.bundle(good))
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.gauges(0, 1)
	s := r.Standing()
	if s.LastGood != "shelf c" || len(s.Problems) == 0 || !strings.Contains(s.String(), `last good configuration, from shelf c, for the configuration is refused: `+r.file) {
		t.Errorf("standing %+v: %s", s, s)
	}
	if id := r.InForce().Config.Routes[0].ID; id != "good" {
		t.Errorf("route %q serves", id)
	}
	if e := r.Effective(nil); e.LastGood != "shelf c" || len(e.Problems) == 0 {
		t.Errorf("effective: %q %q", e.LastGood, e.Problems)
	}
	for _, want := range []string{"a configuration that was good is refused here", "serving the last good configuration, since the files are refused"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, r.log.String())
		}
	}
	if _, err := r.reload("test"); err == nil || r.Standing().LastGood != "shelf c" {
		t.Errorf("a further reload: %v, %+v", err, r.Standing())
	}

	r.write(good)
	if !r.Source.Changed() {
		t.Error("the better file is not seen")
	}
	if got, err := r.reload("test"); err != nil || got.Changed {
		t.Errorf("the same in the file: %+v, %v", got, err)
	}
	r.gauges(1, 0)
	r.write(broken)
	if _, err := r.reload("test"); err == nil {
		t.Error("the broken file loads")
	}
	r.gauges(0, 0) // what is in force was in the files
	if s := r.Standing(); s.LastGood != "" || !strings.HasPrefix(s.String(), "serving the configuration from before") {
		t.Errorf("standing %+v: %s", s, s)
	}
	if last := r.told[len(r.told)-1]; last.LastGood != "" || len(last.Problems) == 0 || len(r.told) != 5 {
		t.Errorf("told %d: %+v", len(r.told), r.told)
	}
}

// TestNothingKept waits until something turns up: a file that is good, or a kept one.
func TestNothingKept(t *testing.T) {
	f := func(name string, turnsUp func(r *rig)) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, broken)
			r.shelf.put(r.bundle(broken))
			synctest.Test(t, func(t *testing.T) {
				done := make(chan error, 1)
				go func() { done <- r.Load(t.Context()) }()
				time.Sleep(time.Hour) // the bubble's clock
				synctest.Wait()
				if len(done) != 0 || r.InForce() != nil {
					t.Fatal("something serves")
				}
				if got := r.Stage(); !strings.HasPrefix(got, "no configuration to serve: the configuration is refused: "+r.file) {
					t.Errorf("stage %q", got)
				}
				if n := strings.Count(r.log.String(), "is refused here"); n != 1 {
					t.Errorf("what is kept was tried %d times:\n%s", n, r.log.String())
				}
				turnsUp(r)
				if err := <-done; err != nil || r.InForce() == nil {
					t.Errorf("error %v", err)
				}
			})
		})
	}
	f("a better file", func(r *rig) { r.write("routes: ["); time.Sleep(time.Minute); r.write(good) })
	f("a kept one", func(r *rig) { r.shelf.put(r.bundle(good)) })

	r := newRig(t, broken)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Load(ctx); err != context.Canceled { //nolint:errorlint // it is this very one
		t.Errorf("error %v", err)
	}
}

// TestNoLastGood ends a start with files that are refused, as it always did.
func TestNoLastGood(t *testing.T) {
	r := newRig(t, broken)
	r.LastGood = nil
	if err := r.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("error %v", err)
	}
}

func TestProblemLines(t *testing.T) {
	long := strings.Repeat("é", maxProblem)
	lines := problemLines(errorText(strings.Repeat("\n one \n", maxProblems+1) + long))
	if len(lines) != maxProblems+1 || lines[0] != "one" || !strings.Contains(lines[maxProblems], "the log has") {
		t.Errorf("lines %q", lines)
	}
	if got := problemLines(errorText(long))[0]; len(got) > maxProblem+len("…") || !strings.HasSuffix(got, "é…") {
		t.Errorf("a long line: %q", got)
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }
