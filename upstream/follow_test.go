package upstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/upstream/discover"
)

// script is a source that tells what a test says.
type script struct {
	name string
	news chan func(tell func([]discover.Target, error))
}

func newScript(name string) *script {
	return &script{name, make(chan func(func([]discover.Target, error)))}
}

func (s *script) String() string { return s.name }

func (s *script) Watch(ctx context.Context, tell func([]discover.Target, error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case news := <-s.news:
			news(tell)
		}
	}
}

// say tells of addresses; none: that there are none.
func (s *script) say(addrs string) {
	all := []discover.Target{}
	for _, a := range strings.Fields(addrs) {
		all = append(all, discover.Target{Address: a, Host: s.name})
	}
	s.news <- func(tell func([]discover.Target, error)) {
		if len(all) == 0 {
			tell(all, errors.New("no pods"))
			return
		}
		tell(all, nil)
	}
}

func (s *script) fail() {
	s.news <- func(tell func([]discover.Target, error)) { tell(nil, errors.New("no answer")) }
}

// following returns a pool of what sources say.
func following(t *testing.T, changed func(string, error), sources ...discover.Source) *Pool {
	t.Helper()
	p, err := New(Config{ID: "u", Sources: sources, Connections: 1, Connect: time.Second, Response: time.Second, Idle: time.Second, SourceChanged: changed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func addressesOf(p *Pool) string {
	var all []string
	for _, m := range p.live() {
		all = append(all, m.addr)
	}
	return strings.Join(all, " ")
}

func TestSourcesAreFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		a, b := newScript("a"), newScript("b")
		p := following(t, func(place string, err error) {
			word := "well"
			if err != nil {
				word = FailureOf(err).Word
			}
			told = append(told, fmt.Sprint(place, " ", word))
		}, a, b)
		for _, step := range []struct {
			what string
			do   func()
			want string
		}{
			{"one of two has answered", func() { a.say("10.0.0.1:80") }, ""},
			{"the other does not know", b.fail, "10.0.0.1:80"},
			{"now it does", func() { b.say("10.0.0.2:80 10.0.0.3:80") }, "10.0.0.1:80 10.0.0.2:80 10.0.0.3:80"},
			{"one fails", a.fail, "10.0.0.1:80 10.0.0.2:80 10.0.0.3:80"},
			{"one has none", func() { a.say("") }, "10.0.0.2:80 10.0.0.3:80"},
			{"nobody has", func() { b.say("") }, ""},
			{"one again", func() { a.say("10.0.0.1:80") }, "10.0.0.1:80"},
		} {
			time.Sleep(tellEvery)
			step.do()
			synctest.Wait()
			if got := addressesOf(p); got != step.want {
				t.Errorf("%s: %q, want %q", step.what, got, step.want)
			}
		}
		if s := p.Sources(); len(s) != 2 || s[0].Name != "a" || s[0].Failing != nil || s[1].Failing == nil || s[1].Failing.Reason != "none" {
			t.Errorf("sources: %+v", s)
		}
		want := "b discovery, b well, a discovery, a none, b none, a well"
		if got := strings.Join(told, ", "); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// Who explains a choice waits for nobody, and says so.
func TestExplainBeforeSourcesTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newScript("a"), newScript("b")
		p := following(t, nil, a, b)
		a.say("10.0.0.1:80")
		synctest.Wait()
		if got, want := p.Explain(&Exchange{}), "least_request: among the endpoints of a, b, whose answer nobody waited for"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		b.say("")
		synctest.Wait()
		if got, want := p.Explain(&Exchange{}), "10.0.0.1:80, the only endpoint"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		a.say("")
		synctest.Wait()
		if got, want := p.Explain(&Exchange{}), "there is no endpoint"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// A request that comes before it is known who is there waits for that, as long as for a connection; once it is known that
// nobody is, none waits.
func TestFirstRequestsWaitForSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript("a")
		p := following(t, nil, s)
		ask := func() (time.Duration, error) {
			began := time.Now() // of the bubble
			err := p.Do(&message.Request{Method: "GET", Target: "/", Host: "a"}, &Exchange{})
			return time.Since(began), err
		}
		if took, err := ask(); !errors.Is(err, ErrNone) || took != time.Second {
			t.Errorf("nobody says anything: %v after %v", err, took)
		}
		waited := make(chan string)
		go func() {
			took, err := ask()
			waited <- fmt.Sprint(err, " after ", took)
		}()
		time.Sleep(time.Second / 4)
		s.say("")
		if got, want := <-waited, "no endpoint after 250ms"; got != want {
			t.Errorf("a request that waited: %s, want %s", got, want)
		}
		if took, err := ask(); FailureOf(err) != None || took != 0 {
			t.Errorf("it is known that nobody is there: %v after %v", err, took)
		}
	})
}

func TestPoolAsksForRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{names: map[string]string{"_http._tcp.a.test": "b.test", "b.test": "10.0.0.1"}}
		p, err := New(Config{
			ID: "u", Endpoints: []string{"http://_http._tcp.a.test"}, Discovery: DiscoverySRV, Resolver: z, Every: time.Minute,
			Connections: 1, Connect: time.Second, Response: time.Second, Idle: time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		synctest.Wait()
		want := discover.Target{Address: "10.0.0.1:8080", Host: "a.test", Weight: 3}
		if list := p.live(); len(list) != 1 || list[0].Target != want {
			t.Errorf("%+v, want %+v", list, want)
		}
		z.set("b.test", "10.0.0.2")
		time.Sleep(time.Minute / 2)
		if got := addressesOf(p); got != "10.0.0.1:8080" {
			t.Errorf("looked before its time: %s", got)
		}
		time.Sleep(time.Minute)
		if got := addressesOf(p); got != "10.0.0.2:8080" {
			t.Errorf("after a minute: %s", got)
		}
	})
}

// Fifty endpoints that come and go ten times a second are no more than those that are there: nothing is left of others,
// and those that stay are the same.
func TestChurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript("a")
		p := following(t, nil, s)
		pods := func(from int) string {
			var all []string
			for i := range 50 {
				all = append(all, fmt.Sprintf("10.0.%d.%d:80", (from+i)/250, (from+i)%250))
			}
			return strings.Join(all, " ")
		}
		s.say(pods(0))
		synctest.Wait()
		all := map[*endpoint]bool{}
		for n := 1; n <= 600; n++ { // a minute
			before := p.live()
			s.say(pods(n))
			time.Sleep(time.Second / 10)
			after := p.live()
			for i := range 49 {
				if after[i].endpoint != before[i+1].endpoint {
					t.Fatalf("change %d: an endpoint that stays is another one", n)
				}
			}
			if !before[0].closed.Load() || len(after) != 50 {
				t.Fatalf("change %d: %d endpoints, and the one that is gone keeps its connections", n, len(after))
			}
			for _, m := range after {
				all[m.endpoint] = true
			}
		}
		if len(all) != 650-1 {
			t.Errorf("%d endpoints were made", len(all))
		}
	})
}

// TestAReloadForgetsNoEndpoints has a pool take another one's place while nobody says where endpoints are.
func TestAReloadForgetsNoEndpoints(t *testing.T) {
	names := []string{"x", "y"}
	var before, after []discover.Source
	var said, saying []*script
	for _, name := range names {
		a, b := newScript(name), newScript(name)
		said, saying = append(said, a), append(saying, b)
		before, after = append(before, a), append(after, b)
	}
	p := following(t, nil, before...)
	p.Begin(nil)
	said[0].say("10.0.0.1:80")
	said[1].say("10.0.0.2:80 10.0.0.3:80")
	const all = "10.0.0.1:80 10.0.0.2:80 10.0.0.3:80"
	eventually(t, "found", func() bool { return addressesOf(p) == all })

	next := following(t, nil, after...)
	next.Begin(p)
	if got := addressesOf(next); got != all {
		t.Errorf("begins with %q", got)
	}
	saying[0].fail()
	saying[1].fail()
	saying[0].fail() // the one before has been taken into account
	if got := addressesOf(next); got != all {
		t.Errorf("after failures %q", got)
	}
	saying[1].say("10.0.0.4:80")
	eventually(t, "changed", func() bool { return addressesOf(next) == "10.0.0.1:80 10.0.0.4:80" })

	other := following(t, nil, newScript("z"))
	if other.Begin(next); addressesOf(other) != "" {
		t.Errorf("another name has %q", addressesOf(other))
	}
}
