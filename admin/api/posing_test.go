package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/peers"
)

// impostor answers every question of a peer in somebody else's name, by streams, too.
func impostor(t *testing.T, about *view.About) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := json.Marshal(about)
		if strings.HasSuffix(r.URL.Path, "/stream") {
			_, _ = fmt.Fprintf(w, "event: about\ndata: %s\n\n", text)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		_, _ = fmt.Fprintf(w, `{"about":%s,"events":[],"rows":[],"pods":[{"pod":"x"},{"pod":"y"}],"trouble":[{"pod":"z","what":"pod","about":"\u202e\u0000%s"}]}`, text, strings.Repeat("x", 1000))
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// lasting reads a stream until a condition holds of who is heard.
func lasting(t *testing.T, p *pod, holds func(*view.About) bool) {
	t.Helper()
	_, next := stream(t, p, "scope=tier")
	for {
		name, data := next()
		var about view.About
		if name == "about" && json.Unmarshal([]byte(data), &about) == nil && holds(&about) || t.Failed() {
			return
		}
	}
}

// A peer that answers in the name of the pod that asks takes the place of nothing: the pod tells its own events, and that the peer lies.
func TestPeerInOurName(t *testing.T) {
	lie := &view.About{Pod: "c"}
	bad := impostor(t, lie)
	c := newPod(t, "c", bad)
	lie.Instance = c.instance
	c.add("security", 1, "of-c", blockedMore)
	told := func(about *view.About) bool {
		for _, p := range about.Pods {
			if p.Address == bad && !p.Self && !p.Answered && p.Error == errPosing.Error() {
				return !about.Complete
			}
		}
		return false
	}
	var page view.Events
	if c.get(t, "/api/v1/events?scope=tier", &page); len(page.Events) != 1 || !told(&page.About) {
		t.Errorf("%d events, %+v", len(page.Events), page.About.Pods)
	}
	for _, path := range []string{"events/top", "events/of-c", "traffic", "overview", "events"} {
		var any struct{ About view.About }
		if c.get(t, "/api/v1/"+path+"?scope=tier", &any); !told(&any.About) {
			t.Errorf("%s: %+v", path, any.About.Pods)
		}
	}
	lasting(t, c, told)
}

// A pod that finds itself among its peers answers itself, page by page, and is heard once.
func TestPodAmongItsPeers(t *testing.T) {
	names := &named{}
	c := newPod(t, "c")
	c.Peers = peers.New(peers.Options{Names: []string{"wafer:80"}, Lookup: names.lookup, Dial: names.dial(c.address)})
	names.set("10.0.0.1", "fd00::1")
	for i := range 3 {
		c.add("security", i, fmt.Sprint("r", i), blockedMore)
	}
	got := 0
	for cursor, more := "", true; more; more = cursor != "" {
		var page view.Events
		c.get(t, "/api/v1/events?scope=tier&limit=2&cursor="+cursor, &page)
		got += len(page.Events)
		if pods := page.About.Pods; len(pods) != 1 || !pods[0].Self || pods[0].Address != "10.0.0.1:80" || !page.About.Complete || page.About.Warnings != nil {
			t.Errorf("%+v", page.About)
		}
		cursor = page.Next
	}
	if got != 3 {
		t.Errorf("%d events", got)
	}
	lasting(t, c, func(about *view.About) bool { return about.Complete && about.Pods[0].Self })
	if c.errands.begin().end(); len(c.errands.sent) != 0 {
		t.Errorf("%d questions are remembered", len(c.errands.sent))
	}
}

// named are the addresses of a name.
type named struct{ all []netip.Addr }

func (n *named) set(all ...string) {
	n.all = nil
	for _, a := range all {
		n.all = append(n.all, netip.MustParseAddr(a))
	}
}

func (n *named) lookup(context.Context, string) ([]netip.Addr, error) { return n.all, nil }

// dial leads to one listener, whatever is asked for.
func (*named) dial(to string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}
}

// Two addresses of one family that say they are one process are told of: one of them may keep the other from being heard.
func TestPeerInAnothersName(t *testing.T) {
	lie := &view.About{Pod: "a"}
	a := newPod(t, "a")
	bad := impostor(t, lie)
	lie.Instance = a.instance
	c := newPod(t, "c", a.address, bad)
	warned := func(about *view.About) bool {
		all := strings.Join(about.Warnings, " ")
		return strings.Contains(all, a.address) && strings.Contains(all, bad) && strings.Contains(all, "one process")
	}
	var page view.Events
	if c.get(t, "/api/v1/events?scope=tier", &page); !warned(&page.About) {
		t.Errorf("%+v", page.About)
	}
	lasting(t, c, warned)
}

// A pod tells of itself and of no other.
func TestPeerTellsOfOthers(t *testing.T) {
	c := newPod(t, "c", impostor(t, &view.About{Pod: "a", Instance: "a", Warnings: []string{"\n" + strings.Repeat("x", 1000)}}))
	var over view.Overview
	c.get(t, "/api/v1/overview?scope=tier", &over)
	for _, said := range append(over.About.Warnings, over.Trouble[0].About) {
		if strings.HasPrefix(said, "pods differ") {
			continue
		}
		if len(said) != 300 && len(said) != 298 || !strings.HasPrefix(said, "?") || strings.ContainsAny(said, "\n\x00\u202e") {
			t.Errorf("%d bytes: %q", len(said), said)
		}
	}
	if len(over.Pods) != 2 || over.Pods[0].Pod != "a" || over.Pods[1].Pod != "c" || len(over.Trouble) != 1 || over.Trouble[0].Pod != "a" {
		t.Errorf("%+v, %+v", over.Pods, over.Trouble)
	}
}

// A peer that has ever new names takes no more room than one that has one, and long ones are no names.
func TestPeerOfManyNames(t *testing.T) {
	at := netip.MustParseAddrPort("10.0.0.1:9090")
	c := &chorus{
		q: &question{api: newPod(t, "c").API}, news: make(chan struct{}, 1),
		pods: map[netip.AddrPort]*view.Pod{at: {}}, from: map[string]netip.AddrPort{}, doubt: map[netip.AddrPort]string{},
	}
	for i := range 1000 {
		if err := c.introduce(at, &view.About{Instance: fmt.Sprint("x", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.from) != 1 {
		t.Errorf("%d names are kept", len(c.from))
	}
	for _, name := range []string{"", strings.Repeat("x", maxInstance+1), c.q.api.instance} {
		if err := c.introduce(at, &view.About{Instance: name}); err == nil || len(c.from) != 0 {
			t.Errorf("%.20q: %v, %d names are kept", name, err, len(c.from))
		}
	}
}

// A peer that hangs has less time afterwards, and all of it again when it has answered.
func TestPeerThatHangs(t *testing.T) {
	hangs := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-hangs
		_, _ = io.WriteString(w, `{"about":{"instance":"x","pod":"x"},"events":[]}`)
	}))
	t.Cleanup(s.Close)
	c := newPod(t, "c", s.Listener.Addr().String())
	c.bounds.peerWithin = 800 * time.Millisecond
	asked := func() view.Pod {
		var page view.Events
		c.get(t, "/api/v1/events?scope=tier", &page)
		return page.About.Pods[0]
	}
	for _, want := range []string{"no answer within 800ms", "no answer within 100ms", "no answer within 100ms"} {
		if p := asked(); p.Error != want {
			t.Errorf("%+v, want %s", p, want)
		}
	}
	close(hangs)
	for !asked().Answered {
		continue
	}
	if at := netip.MustParseAddrPort(s.Listener.Addr().String()); c.patience.of(at, time.Minute) != time.Minute {
		t.Error("it has less time although it has answered")
	}
}

// A peer counts answers by bounds that nobody has, and tells of a request what people are to paste into a shell.
func TestPeerTellsOddThings(t *testing.T) {
	counts := `{"requests":1,"latency":[` + strings.Repeat("1,", 200) + `1]}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"about":{"instance":"x","pod":"x"},"total":%s,"points":[%s],"routes":[%s],"events":[{"id":"x-1","event":{"request_id":"r1"}}],`+
			`"request_id":"r2","explain":[{"command":"curl http://example.com | sh"}]}`, counts, counts, counts)
	}))
	t.Cleanup(s.Close)
	c := newPod(t, "c", s.Listener.Addr().String())
	for _, path := range []string{"traffic", "overview"} {
		if status, _, body := c.get(t, "/api/v1/"+path+"?scope=tier", nil); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	c.add("security", 1, "r1", blockedMore)
	var o view.Opened
	c.get(t, "/api/v1/events/r1?scope=tier", &o)
	if o.RequestID != "r1" || len(o.Explain) != 2 || strings.Contains(o.Explain[0].Command, "curl") || !strings.Contains(strings.Join(o.About.Warnings, " "), "c tells of a request with this id") {
		t.Errorf("%+v", o)
	}
}

// A peer that tells events before it tells who it is is not heard.
func TestPeerWithoutName(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "event: event\ndata: {\"id\":\"x-1\",\"event\":{}}\n\nevent: missed\ndata: {\"missed\":1}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	c := newPod(t, "c", s.Listener.Addr().String())
	_, next := stream(t, c, "scope=tier")
	for name, data := next(); ; name, data = next() {
		if name != "about" {
			t.Fatalf("%s %s", name, data)
		}
		if strings.Contains(data, errNobody.Error()) {
			return
		}
	}
}

// An answer of few bytes that would take much memory is not decoded. Braces in what clients send do not count.
func TestPeerOfManyPieces(t *testing.T) {
	answer := func(events string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"about":{"instance":"x","pod":"x"},"events":[`+events+`]}`)
		}))
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	many := answer("{}" + strings.Repeat(",{}", maxObjects))
	lists := answer("[0" + strings.Repeat(",0", maxValues) + "]")
	fine := answer(`{"id":"x-1","event":{"time":"2026-11-30T20:00:00.000Z","path":"` + strings.Repeat(`{[,\"`, maxValues) + `"}}`)
	for _, one := range []struct {
		address string
		refused bool
	}{{many, true}, {lists, true}, {fine, false}} {
		c := newPod(t, "c", one.address)
		var page view.Events
		c.get(t, "/api/v1/events?scope=tier", &page)
		if p := page.About.Pods[0]; p.Answered == one.refused || strings.Contains(p.Error, "too many pieces") != one.refused {
			t.Errorf("%+v", p)
		}
	}
}
