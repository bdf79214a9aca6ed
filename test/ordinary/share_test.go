package ordinary

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/proxy"
)

// tier is the whole tier but for its sockets, with the default policy unless the routes say
// otherwise.
func tier(t *testing.T, routes string) *proxy.Proxy {
	t.Helper()
	name := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(name, []byte(routes), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := proxy.New(proxy.Options{
		Boot: config.DefaultBoot(), Source: config.FileSource(name), Log: zerolog.Nop(),
		Events: audit.New(io.Discard, audit.Options{}), Registry: prometheus.NewRegistry(), Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown(context.WithoutCancel(t.Context())) })
	return p
}

const defaults = `
routes:
  - id: all
    upstreams: [{ id: backend }]
upstreams:
  - id: backend
    endpoints: ["http://127.0.0.1:9"]
`

// outcome is what the tier would do with one request.
type outcome struct {
	refused bool
	blame   []string // rules that scored or decided, or the reason of a refusal without rules
	targets []string // what matched, for whoever reads the log
	clean   bool     // the screen said so
}

// judge asks the tier about requests. The outcomes are in their order.
func judge(t *testing.T, p *proxy.Proxy, list []Request) []outcome {
	t.Helper()
	out := make([]outcome, len(list))
	var next atomic.Int32
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(list); i = int(next.Add(1)) - 1 {
				o, err := ask(p, list[i])
				if err != nil {
					t.Errorf("%s: %v", list[i].Kind, err)
				}
				out[i] = o
			}
		})
	}
	workers.Wait()
	return out
}

func ask(p *proxy.Proxy, r Request) (outcome, error) {
	e, err := p.Explain(r.Bytes(), netip.MustParseAddrPort("192.0.2.1:40000"))
	if err != nil {
		return outcome{}, err
	}
	o := outcome{refused: e.Status != 0, clean: e.Screened == "clean"}
	if !o.refused {
		return o, nil
	}
	if e.Failure != "" {
		o.blame = append(o.blame, e.Failure)
	}
	for _, m := range e.Findings.Matches {
		// Rules that only add up blame nobody.
		if m.RuleID >= 949000 && m.RuleID < 950000 || m.RuleID >= 980000 || m.Score == 0 && m.RuleID != e.Findings.Verdict.RuleID {
			continue
		}
		id := strconv.Itoa(m.RuleID)
		if !slices.Contains(o.blame, id) {
			o.blame = append(o.blame, id)
		}
		for _, target := range m.Targets {
			o.targets = append(o.targets, fmt.Sprintf("%s %s=%.120q", id, target.Name, target.Value))
		}
	}
	return o, nil
}

// count is how many of how many.
type count struct{ refused, all int }

func (c count) percent() float64 { return 100 * float64(c.refused) / float64(max(c.all, 1)) }

// most is the share of ordinary requests, in percent, that the default policy may refuse.
const most = 4

// TestShare prints how many ordinary requests the default policy refuses, by kind and by rule, and
// holds the whole to what is promised.
func TestShare(t *testing.T) {
	n := size(t)
	requests := Requests(1, n)
	outcomes := judge(t, tier(t, defaults), requests)
	s := newShares(requests, outcomes)
	t.Log("\n" + s.String())
	if name := os.Getenv("WAFER_TEST_SHARE"); name != "" {
		examples(t, name, requests, outcomes)
	}
	if s.total.percent() > most {
		t.Errorf("%.2f %% of ordinary requests are refused, more than %d %%", s.total.percent(), most)
	}
}

// shares are how many requests were refused, of which kind and by what.
type shares struct {
	total         count
	clean         int // to the screen
	byKind        map[string]count
	byRule, alone map[string]int
}

func newShares(requests []Request, outcomes []outcome) *shares {
	s := &shares{byKind: map[string]count{}, byRule: map[string]int{}, alone: map[string]int{}}
	for i, o := range outcomes {
		tally(s.byKind, requests[i].Kind, o.refused)
		s.total.all++
		if o.clean {
			s.clean++
		}
		if !o.refused {
			continue
		}
		s.total.refused++
		for _, b := range o.blame {
			s.byRule[b]++
		}
		if len(o.blame) == 1 {
			s.alone[o.blame[0]]++
		}
	}
	return s
}

func (s *shares) String() string {
	var b strings.Builder
	all := float64(s.total.all)
	fmt.Fprintf(&b, "%d of %d ordinary requests are refused: %.2f %%; the screen finds %.1f %% clean\n\n", s.total.refused, s.total.all, s.total.percent(), 100*float64(s.clean)/all)
	fmt.Fprintf(&b, "%-16s %8s %8s %8s\n", "kind", "requests", "refused", "%")
	for _, k := range kinds() {
		c := s.byKind[k.name]
		fmt.Fprintf(&b, "%-16s %8d %8d %8.2f\n", k.name, c.all, c.refused, c.percent())
	}
	fmt.Fprintf(&b, "\n%-24s %8s %8s %8s\n", "rule or reason", "refused", "% of all", "alone")
	rules := sorted(s.byRule)
	slices.SortStableFunc(rules, func(x, y string) int { return s.byRule[y] - s.byRule[x] })
	for _, id := range rules {
		fmt.Fprintf(&b, "%-24s %8d %8.2f %8d\n", id, s.byRule[id], 100*float64(s.byRule[id])/all, s.alone[id])
	}
	return b.String()
}

// size is how many requests are made: few, unless WAFER_TEST_ORDINARY says how many.
func size(t *testing.T) int {
	t.Helper()
	text := os.Getenv("WAFER_TEST_ORDINARY")
	if text == "" {
		if testing.Short() {
			return 1500
		}
		return 4000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// examples writes all that was refused to a file, for whoever looks for the reasons.
func examples(t *testing.T, name string, requests []Request, outcomes []outcome) {
	t.Helper()
	var b strings.Builder
	for i, o := range outcomes {
		if !o.refused {
			continue
		}
		r := requests[i]
		fmt.Fprintf(&b, "%s %v %s %.300s\n", r.Kind, o.blame, r.Method, r.Target)
		for _, target := range o.targets {
			fmt.Fprintf(&b, "    %s\n", target)
		}
		if len(r.Body) > 0 {
			fmt.Fprintf(&b, "    body %.200q\n", r.Body)
		}
	}
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
