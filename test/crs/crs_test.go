package crs

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/importer/suite"
	"github.com/wafer-waf/wafer/test/tier"
)

// What the suite holds, and what may not get worse, however many exceptions are written.
const (
	total = 4674 // tests in CRS 4.25.0

	floorPlain = 4619 // pass as the suite has them
	floor      = 4667 // and with those that pass as exceptions.yaml has them
)

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

// TestCRS runs the suite, one subtest for each rule.
func TestCRS(t *testing.T) {
	files, err := suite.Load()
	if err != nil {
		t.Fatal(err)
	}
	exceptions, _, err := loadExceptions()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{backend: startBackend(t), exceptions: exceptions, slots: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
	r.tier = tier.Plain(t, routeFile(t, r.backend.addr), "--timeout-body", "5s")
	loaded, began := 0, time.Now()
	t.Cleanup(func() { r.summarize(t, loaded, time.Since(began)) })
	for _, f := range files {
		loaded += len(f.Tests)
		t.Run(strconv.Itoa(f.RuleID), func(t *testing.T) {
			t.Parallel()
			r.file(t, f.Tests)
		})
	}
	if loaded != total {
		t.Errorf("%d tests were loaded, want %d", loaded, total)
	}
}

// routeFile writes the route file with the backend's address.
func routeFile(t *testing.T, backend string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), "backend.invalid:80", backend, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// run is one run of the suite, or of a part of it.
type run struct {
	tier       *tier.Tier
	backend    *backend
	exceptions map[string]exception
	clients    atomic.Uint32

	// slots bound the requests under way to what the tier inspects at once: with more, some
	// could be answered 503 on a slow machine.
	slots chan struct{}

	ran, plain, adjusted, refused, ignored, failed atomic.Int32
}

// client is an address that no other request of this run comes from.
func (r *run) client() string {
	n := r.clients.Add(1)
	return net.IPv4(127, 1+byte(n>>16), byte(n>>8), byte(n)).String()
}

// file sends the tests of one file, several at a time, and judges them.
func (r *run) file(t *testing.T, tests []suite.Test) {
	sent := make([][]*exchange, len(tests))
	var next atomic.Int32
	var workers sync.WaitGroup
	for range cap(r.slots) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(tests); i = int(next.Add(1)) - 1 {
				r.slots <- struct{}{}
				sent[i] = r.send(&tests[i])
				<-r.slots
			}
		})
	}
	workers.Wait()
	var all []*exchange
	for _, stages := range sent {
		all = append(all, stages...)
	}
	collect(r.tier, all)
	for i := range tests {
		for _, x := range sent[i] {
			x.reached = r.backend.reached(x.client)
		}
		r.judge(t, &tests[i], sent[i])
	}
}

// send sends the stages of a test, one after the other.
func (r *run) send(c *suite.Test) []*exchange {
	var stages []*exchange
	for i := range c.Stages {
		client := r.client()
		request, err := c.Stages[i].Input.Bytes()
		if err != nil {
			stages = append(stages, &exchange{client: client, err: fmt.Errorf("make the request: %w", err)})
			continue
		}
		stages = append(stages, send(r.tier.Addr, client, request))
	}
	return stages
}

// judge counts a test as what it is, and fails if that is not as it should be.
func (r *run) judge(t *testing.T, c *suite.Test, stages []*exchange) {
	var problems, instead []string
	e, excepted := r.exceptions[c.Name]
	for i, x := range stages {
		problems = append(problems, x.judge(&c.Stages[i].Output)...)
		switch e.Class {
		case classAdjusted:
			instead = append(instead, x.judge(e.Expect)...)
		case classRefused:
			instead = append(instead, x.judgeRefused()...)
		}
	}
	r.ran.Add(1)
	if len(problems) == 0 {
		r.plain.Add(1)
		if excepted {
			t.Errorf("%s: stale exception: the test passes", c.Name)
		}
		return
	}
	if excepted {
		problems = instead
	}
	switch {
	case len(problems) > 0:
		r.failed.Add(1)
		t.Errorf("%s (%s): %s", c.Name, &c.Stages[len(c.Stages)-1].Output, strings.Join(problems, "; "))
	case e.Class == classAdjusted:
		r.adjusted.Add(1)
	case e.Class == classRefused:
		r.refused.Add(1)
	default:
		r.ignored.Add(1)
	}
}

// summarize prints the numbers. The floors hold for the whole suite only.
func (r *run) summarize(t *testing.T, loaded int, took time.Duration) {
	ran, plain, adjusted, refused := r.ran.Load(), r.plain.Load(), r.adjusted.Load(), r.refused.Load()
	t.Logf("CRS suite: %d of %d tests in %s: %d passed plain, %d passed with another expectation, %d refused before the engine, %d ignored, %d failed",
		ran, loaded, took.Round(100*time.Millisecond), plain, adjusted, refused, r.ignored.Load(), r.failed.Load())
	if int(ran) < loaded {
		return // a part of it was selected
	}
	if plain < floorPlain {
		t.Errorf("%d tests passed plain, want %d", plain, floorPlain)
	}
	if n := plain + adjusted + refused; n < floor {
		t.Errorf("%d tests passed, want %d", n, floor)
	}
}
