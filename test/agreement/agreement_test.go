package agreement

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

const (
	// sample is how many requests each parser gets unless WAFER_TEST_AGREEMENT says otherwise.
	sample = 480
	// details is how many disagreements with each parser are made small and printed.
	details = 12

	// bareField keeps the core rule set from looking at a request: what is refused then is
	// refused for what it is read as, not for what stands in it.
	bareField = "X-Agreement-Bare"
)

// court is a tier in front of all origins.
type court struct {
	w       *tier.Tier
	origins []origin
}

func newCourt(t *testing.T) *court {
	t.Helper()
	c := &court{origins: startOrigins(t)}
	var routes, upstreams strings.Builder
	for _, o := range c.origins {
		fmt.Fprintf(&routes, "  - { id: %s, hosts: [%[1]s.test], policy: block, upstreams: [{ id: %[1]s }] }\n", o.name)
		fmt.Fprintf(&upstreams, "  - { id: %s, endpoints: [\"%s\"] }\n", o.name, o.url)
	}
	path := filepath.Join(t.TempDir(), "routes.yaml")
	text := "routes:\n" + routes.String() + "upstreams:\n" + upstreams.String() + `policies:
  - id: block
    mode: block
    rules_before:
      - inline: |
          SecRule REQUEST_HEADERS:` + bareField + ` "@streq 1" "id:100001,phase:1,pass,nolog,skipAfter:END-OF-CRS"
          SecRule REQUEST_HEADERS:` + bareField + ` "@streq 1" "id:100002,phase:2,pass,nolog,skipAfter:END-OF-CRS"
    rules_after:
      - inline: SecMarker "END-OF-CRS"
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.w = tier.Plain(t, path)
	return c
}

// refusals are the statuses with which the tier refuses a request for how it is made.
var refusals = []int{
	http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
	http.StatusUnsupportedMediaType, http.StatusRequestHeaderFieldsTooLarge,
}

// finding is what came out of one request to one origin.
type finding struct {
	refused bool
	read    int     // values that the origin has read
	unseen  []entry // of them, those that the rules were not shown
	problem string  // something else is wrong
}

func (f *finding) wrong() bool { return f.problem != "" || len(f.unseen) > 0 }

// judge sends a request to an origin through the tier and compares. bare is as in raw.
func judge(cl *client, o origin, r *request, bare bool) finding {
	a, err := cl.ask(r.raw(o.name+".test", bare))
	if err != nil {
		return finding{problem: err.Error()}
	}
	if slices.Contains(refusals, a.status) {
		return finding{refused: true}
	}
	if a.status != http.StatusOK {
		return finding{problem: fmt.Sprintf("status %d %s", a.status, a.text)}
	}
	f := finding{read: len(a.read)}
	s := show(r)
	if s.err != "" {
		return finding{problem: fmt.Sprintf("%q says the reading, and the tier lets it pass", s.err)}
	}
	for _, e := range a.read {
		if e.where != "content" && !s.reads(e) {
			f.unseen = append(f.unseen, e)
		}
	}
	return f
}

// bad reports whether a parser and the rules disagree about a request that the tier passes by
// default.
func bad(cl *client, o origin, r *request) bool {
	if f := judge(cl, o, r, true); !f.wrong() {
		return false
	}
	return !judge(cl, o, r, false).refused
}

func requests(t *testing.T) int {
	t.Helper()
	text := os.Getenv("WAFER_TEST_AGREEMENT")
	if text == "" {
		return sample
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("WAFER_TEST_AGREEMENT: %v", err)
	}
	return n
}

// tally is what came out of all requests to one origin.
type tally struct {
	mu            sync.Mutex
	kinds         map[string]*counts
	disagreements int
}

// counts are the requests of one kind.
type counts struct {
	sent, refused int
	byDefault     int // refused by the core rule set only, and read otherwise by the origin
	read          int // values
}

func (s *tally) add(kind string, f finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds[kind] == nil {
		s.kinds[kind] = &counts{}
	}
	c := s.kinds[kind]
	c.sent++
	c.read += f.read
	if f.refused {
		c.refused++
	}
}

// another reports whether one more disagreement is to be printed, and counts it.
func (s *tally) another() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disagreements++
	return s.disagreements <= details
}

// TestAgreement sends generated requests to all origins: what one of them reads, the rules were
// shown, or the request was refused.
func TestAgreement(t *testing.T) {
	t.Parallel()
	n := requests(t)
	c := newCourt(t)
	for _, o := range c.origins {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			checkOrigin(t, c, o)
			compare(t, c, o, n)
		})
	}
}

// compare sends the first n requests to an origin.
func compare(t *testing.T, c *court, o origin, n int) {
	t.Helper()
	sum := tally{kinds: map[string]*counts{}}
	once(n, c.w.Addr, func(cl *client, i int) {
		r := generate(i)
		f := judge(cl, o, r, true)
		sum.add(r.kind, f)
		if f.wrong() {
			disagree(t, &sum, cl, o, i, r)
		}
	})
	for kind, c := range sum.kinds {
		t.Logf("%s: %d requests, %d refused, %d of the others by the core rule set, %d values read", kind, c.sent, c.refused, c.byDefault, c.read)
		if c.refused > c.sent*3/4 {
			t.Errorf("%s: nearly all requests are refused: the test has lost its point", kind)
		}
	}
	if sum.disagreements > details {
		t.Errorf("%d disagreements in all", sum.disagreements)
	}
}

// disagree makes a request about which there are two opinions small, and prints it unless the
// tier refuses it by default.
func disagree(t *testing.T, sum *tally, cl *client, o origin, i int, r *request) {
	t.Helper()
	small := minimize(r, func(r *request) bool { f := judge(cl, o, r, true); return f.wrong() })
	if !bad(cl, o, small) {
		// Perhaps what is refused is something else in the request.
		if !bad(cl, o, r) {
			sum.mu.Lock()
			sum.kinds[r.kind].byDefault++
			sum.mu.Unlock()
			return
		}
		small = minimize(r, func(r *request) bool { return bad(cl, o, r) })
	}
	if sum.another() {
		f := judge(cl, o, small, true)
		t.Errorf("request %d: %s reads what the rules were not shown: %v %s\n%s", i, o.name, f.unseen, f.problem, small)
	}
}
