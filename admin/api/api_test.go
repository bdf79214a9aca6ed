package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/peers"
	"github.com/wafer-waf/wafer/recent"
	"github.com/wafer-waf/wafer/test/ports"
)

// pod is an API on a socket.
type pod struct {
	*API
	mux     *http.ServeMux
	address string
}

// newPod serves an API until the test ends. Names are its peers.
func newPod(t *testing.T, name string, names ...string) *pod {
	t.Helper()
	o := Options{
		Pod: name, Version: "1", Started: time.Now(), Store: recent.NewStore(4 << 20), Access: "all", Log: zerolog.Nop(),
		Line: recent.NewTimeline(recent.Words{Verdicts: []string{"pass", "block"}, Coverage: []string{"full", "none"}, Screened: []string{"off", "clean", "inspect"}}),
	}
	if names != nil {
		o.Peers = peers.New(peers.Options{Names: names, Self: name})
	}
	p := &pod{API: New(o), mux: http.NewServeMux()}
	p.bounds.findWithin, p.bounds.peerWithin, p.bounds.export = time.Minute, time.Minute, time.Hour // a busy machine changes no answer
	for _, e := range p.Endpoints() {
		p.mux.HandleFunc(e.Path, e.Serve)
	}
	s := httptest.NewServer(p.mux)
	t.Cleanup(s.Close)
	t.Cleanup(p.Close)
	p.address = s.Listener.Addr().String()
	return p
}

func (p *pod) add(kind string, second int, id, more string) {
	p.Store.Add(fmt.Appendf(nil, `{"time":"2026-11-30T20:00:%02d.000Z","event":%q,"request_id":%q,%s"message":"x"}`, second, kind, id, more))
}

const blockedMore = `"route":"shop","policy":"strict","method":"GET","host":"h","path":"/search/x","client":"192.0.2.1","verdict":"block","status":403,"rule_id":949110,` +
	`"score":{"inbound":5,"inbound_threshold":5},"rules":[{"id":942100,"message":"SQL","severity":"critical","target":"ARGS:q","value":"=1' OR 1=1","tags":["paranoia-level/1"]}],`

func (p *pod) get(t *testing.T, path string, into any) (status int, h http.Header, body string) {
	t.Helper()
	r, err := http.Get("http://" + p.address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v: %.200s", path, err, text)
		}
	}
	return r.StatusCode, r.Header, string(text)
}

func TestQueries(t *testing.T) {
	p := newPod(t, "a")
	p.add("security", 1, "r1", blockedMore)
	for path, want := range map[string]string{
		"events":                         `200 "request_id":"r1"`,
		"events?text=or+1%3D1":           `200 "r1"`,
		"events?route=other":             `200 "events":[]`,
		"events?rout=x":                  `400 did you mean \"route\"`,
		"events?status=x&client=y":       `400 client: \"y\"`,
		"events?limit=1001":              `400 limit:`,
		"events?format=xml":              `400 format:`,
		"events?scope=all":               `400 scope:`,
		"events?cursor=x":                `400 cursor:`,
		"events?cursor=other-1":          `200 the process that gave the cursor has ended`,
		"events?scope=tier&cursor=t.eyJ": `400 cursor:`,
		"events?scope=tier":              `200 admin_peers names`,
		"events?%zz":                     `400 cannot be read`,
		"events?text=" + strings.Repeat("x", maxQuery): `414 more than`,
		"events/top":                         `200 "value":"942100","message":"SQL","count":1,"blocked":1`,
		"events/top?by=password":             `400 by:`,
		"events/nothing":                     `404 no event of this request`,
		"events/r1?x=y":                      `400 unknown parameter`,
		"events/stream?since=1m":             `400 unknown parameter`,
		"events/stream?backlog=-1":           `400 backlog:`,
		"traffic?step=7s":                    `400 step:`,
		"traffic?since=2099-01-01T00:00:00Z": `200 "points":[{`, "overview?since=9999-01-01T00:00:00Z": `200 "healthy":true`,
		"events?since=9999-01-01T00:00:00Z": `200 "events":[]`, "events/top?since=9999-01-01T00:00:00Z": `200 "rows":[]`,
		"traffic?route=shop":      `200 "route":"shop"`,
		"overview":                `200 "healthy":true`,
		"overview?since=tomorrow": `400 since:`,
	} {
		status, _, body := p.get(t, "/api/v1/"+path, nil)
		code, text, _ := strings.Cut(want, " ")
		if strconv.Itoa(status) != code || !strings.Contains(body, text) {
			t.Errorf("%.60s: %d %.300s, want %s", path, status, body, want)
		}
	}
}

func TestExports(t *testing.T) {
	p := newPod(t, "a")
	const n = 2500
	for i := range n {
		p.add("security", i%60, "r"+strconv.Itoa(i), blockedMore)
	}
	p.add("access", 1, "=cmd|' /C calc'!A0", `"verdict":"block","user_agent":"@x","path":"+1",`)
	_, h, body := p.get(t, "/api/v1/events?format=ndjson", nil)
	if lines := strings.Count(body, "\n"); lines != n+1 || h.Get("Wafer-Window-From") == "" || h.Get("Wafer-Dropped") != "0" {
		t.Errorf("%d lines, %v", lines, h)
	}
	_, _, body = p.get(t, "/api/v1/events?format=csv&limit=2", nil)
	rows := strings.Split(strings.TrimSpace(body), "\n")
	if len(rows) != 3 || !strings.Contains(rows[1], `,"'=cmd|' /C calc'!A0",`) || !strings.Contains(rows[1], `,"'+1",`) || !strings.Contains(rows[2], `,"942100","5","5",`) {
		t.Errorf("%q", rows)
	}
}

func TestOpened(t *testing.T) {
	p := newPod(t, "a")
	p.add("security", 1, "other", blockedMore)
	p.add("access", 2, "r1", `"verdict":"block",`)
	p.add("security", 2, "r1", blockedMore)
	var o view.Opened
	p.get(t, "/api/v1/events/r1", &o)
	if len(o.Events) != 2 || o.Verdict != "block" || o.Request != "GET h/search/x" || len(o.Rules) != 1 || o.Rules[0].Score != 5 || o.Rules[0].Where != `the parameter "q"` {
		t.Errorf("%+v", o)
	}
	x := o.Exclusion
	if x == nil || !x.Passes || x.Others != 1 || !slices.Equal(x.Examples, []string{"other"}) ||
		x.YAML != "exclusions:\n  - { rule: 942100, target: ARGS:q, path: /search/x, reason: say why this is no attack }\n" {
		t.Errorf("%+v", x)
	}
	p.add("security", 2, "twice", strings.Replace(blockedMore, `"inbound":5,`, `"inbound":10,`, 1))
	var twice view.Opened
	p.get(t, "/api/v1/events/twice", &twice)
	if x := twice.Exclusion; x == nil || !x.Passes || !x.Unsure {
		t.Errorf("a rule that has matched twice: %+v", x)
	}
	hostile := `$(id)'; rm -rf /`
	p.add("security", 3, hostile, blockedMore)
	for _, c := range commands(hostile) {
		if strings.Contains(c.Command, `'$(id)'; rm`) {
			t.Errorf("a shell would run %s", c.Command)
		}
	}
}

// stream reads server-sent events.
func stream(t *testing.T, p *pod, query string) (status int, next func() (name, data string)) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.address+"/api/v1/events/stream?"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	return response.StatusCode, func() (name, data string) {
		for lines.Scan() {
			switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
			case "event":
				name = value
			case "data":
				return name, value
			}
		}
		t.Error("the stream has ended:", lines.Err())
		return "", ""
	}
}

func TestStream(t *testing.T) {
	p := newPod(t, "a")
	p.add("security", 1, "before", blockedMore)
	_, next := stream(t, p, "backlog=5&route=shop")
	if name, _ := next(); name != "about" {
		t.Errorf("begins with %s", name)
	}
	if name, data := next(); name != "event" || !strings.Contains(data, `"before"`) {
		t.Errorf("%s %s", name, data)
	}
	p.add("security", 2, "other", `"route":"other",`)
	p.add("security", 2, "now", blockedMore)
	if name, data := next(); name != "event" || !strings.Contains(data, `"now"`) {
		t.Errorf("%s %s", name, data)
	}
}

// TestCrowd has more readers than may follow, none of which reads, and nobody who adds events waits for them.
func TestCrowd(t *testing.T) {
	p := newPod(t, "a")
	refused := 0
	for range 40 {
		if status, _ := stream(t, p, "kind=access,security"); status == http.StatusServiceUnavailable {
			refused++
		}
	}
	if refused != 8 {
		t.Errorf("%d are refused", refused)
	}
	for i := range 3_000 {
		p.add("security", i%60, "r", blockedMore)
	}
	if status, _, _ := p.get(t, "/api/v1/events?limit=1", nil); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}

// TestTier merges what three pods know, of which one does not answer, page by page and by time.
func TestTier(t *testing.T) {
	a, b := newPod(t, "a"), newPod(t, "b")
	c := newPod(t, "c", a.address, b.address, ports.Address(t))
	var want []string
	for i := 59; i >= 0; i-- {
		want = append(want, "r"+strconv.Itoa(i))
	}
	for i := range 60 {
		[]*pod{a, b, c}[i%3].add("security", i, "r"+strconv.Itoa(i), blockedMore)
	}
	for _, size := range []int{1, 7, 20, 100} {
		var got []string
		for cursor, more := "", true; more; more = cursor != "" {
			var page view.Events
			c.get(t, "/api/v1/events?scope=tier&limit="+strconv.Itoa(size)+"&cursor="+cursor, &page)
			for _, e := range page.Events {
				var of told
				if json.Unmarshal(e.Event, &of) != nil || e.Pod != []string{"a", "b", "c"}[atoi(of.RequestID[1:])%3] {
					t.Errorf("%s is of %s", e.Event, e.Pod)
				}
				got = append(got, of.RequestID)
			}
			if cursor == "" && (page.About.Complete || len(page.About.Pods) != 4) {
				t.Errorf("%+v", page.About)
			}
			cursor = page.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", size, got)
		}
	}
	var top view.Top
	c.get(t, "/api/v1/events/top?scope=tier", &top)
	if len(top.Rows) != 1 || top.Rows[0].Count != 60 || top.About.Kept[0].Events != 60 {
		t.Errorf("%+v", top)
	}
	var o view.Opened
	c.get(t, "/api/v1/events/r4?scope=tier", &o)
	if o.Pod != "b" || o.RequestID != "r4" || o.About.Complete {
		t.Errorf("%+v", o)
	}
	a.Line.Route("shop").Done(&recent.Outcome{Verdict: 1, Coverage: 0, Missed: -1, Screened: 1, Status: 403}, time.Millisecond)
	c.Line.Route("shop").Done(&recent.Outcome{Verdict: 0, Coverage: 0, Missed: -1, Screened: 1, Status: 200}, time.Millisecond)
	var traffic view.Traffic
	c.get(t, "/api/v1/traffic?scope=tier&since=1h", &traffic)
	if traffic.Total.Requests != 2 || len(traffic.Routes) != 1 || traffic.Routes[0].Verdicts["block"] != 1 {
		t.Errorf("%+v", traffic)
	}
	var over view.Overview
	c.get(t, "/api/v1/overview?scope=tier", &over)
	if over.Healthy || over.Total.Requests != 2 || len(over.Pods) != 3 {
		t.Errorf("%+v", over)
	}
}

func atoi(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// TestMadeUpCursor has nobody make a pod ask somebody who is none of its peers.
func TestMadeUpCursor(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer other.Close()
	a := newPod(t, "a")
	c := newPod(t, "c", a.address)
	cursor := writeCursor(map[string]string{other.Listener.Addr().String(): "x-1", a.address: ""})
	if status, _, body := c.get(t, "/api/v1/events?scope=tier&cursor="+cursor, nil); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}

// TestHostilePeer answers what it likes.
func TestHostilePeer(t *testing.T) {
	var names []string
	for _, body := range []string{"", "[]", `{"about":{}}`, `{"about":{"instance":"x","kept":[{}]},"events":[{"event":"no object"},{"event":{"time":5}}],"next":"\u0000"}`} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
		t.Cleanup(s.Close)
		names = append(names, s.Listener.Addr().String())
	}
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"about":{"instance":"far","pod":"far"},"events":[{"id":"1","event":{}}],"next":"%s"}`, strings.Repeat("n", maxQuery))
	}))
	defer far.Close()
	c := newPod(t, "c", append(names, far.Listener.Addr().String())...)
	c.add("security", 1, "r1", blockedMore)
	if _, _, body := c.get(t, "/api/v1/events?scope=tier&limit=1", nil); !strings.Contains(body, "far answers with positions that are none") || strings.Contains(body, "nnnn") {
		t.Errorf("%.500s", body)
	}
	for _, path := range []string{"events", "events/top", "events/r1", "traffic", "overview"} {
		if status, _, body := c.get(t, "/api/v1/"+path+"?scope=tier", nil); status != http.StatusOK {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
}

// TestEndlessPeer always has one more page, and next to nothing on it: an export ends all the same, and says where to go on.
func TestEndlessPeer(t *testing.T) {
	for _, events := range []string{"", `{"id":"x-1","event":{}}`} {
		var asked atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"about":{"instance":"x"},"events":[%s],"next":"x-%d"}`, events, asked.Add(1))
		}))
		t.Cleanup(s.Close)
		c := newPod(t, "c", s.Listener.Addr().String())
		lines, next := c.exported(t, "scope=tier")
		if next == "" || asked.Load() != thinPages || len(lines) != len(events)/len(`{"id":"x-1","event":{}}`)*thinPages {
			t.Errorf("%d lines, next %q, asked %d times", len(lines), next, asked.Load())
		}
	}
}

// exported are the lines of an export, and where to go on.
func (p *pod) exported(t *testing.T, query string) (lines []string, next string) {
	t.Helper()
	r, err := http.Get("http://" + p.address + "/api/v1/events?format=ndjson&" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v, %.200s", r.StatusCode, err, text)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")[:strings.Count(string(text), "\n")], r.Trailer.Get("Wafer-Next")
}

// TestExportGoesOn ends an export when its searches have taken long enough, and another one goes on there: together they have all.
func TestExportGoesOn(t *testing.T) {
	p := newPod(t, "a")
	const n = 3 * pageMost
	for i := range n + 1 {
		p.add("security", i%60, "r"+strconv.Itoa(i), `"verdict":"block",`)
	}
	p.bounds.export = 0
	total, exports := 0, 0
	for cursor, more := "", true; more; exports++ {
		lines, next := p.exported(t, "cursor="+cursor)
		total += len(lines)
		cursor, more = next, next != ""
	}
	if total != n+1 || exports != 4 {
		t.Errorf("%d events in %d exports", total, exports)
	}
	p.bounds.export = time.Hour
	if lines, next := p.exported(t, ""); len(lines) != n+1 || next != "" {
		t.Errorf("%d events at once, next %q", len(lines), next)
	}
}

// TestTierQuestionsAreBounded has pods answer more than may be held, and more ask than may.
func TestTierQuestionsAreBounded(t *testing.T) {
	const large, pods = 8 << 10, 10
	answer := `{"about":{"instance":"x"},"events":[],"next":"` + strings.Repeat("n", large-100) + `"}`
	var names []string
	for range pods {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
		t.Cleanup(s.Close)
		names = append(names, s.Listener.Addr().String())
	}
	c := newPod(t, "c", names...)
	for _, bound := range []struct {
		reply, replies int64
		refused        int
		why            string
	}{
		{large, pods * large, 0, ""},
		{large, (pods - 2) * large, 2, "all pods together answer more than 0.0625 MiB"},
		{large - 200, pods * large, pods, "more than 7992 bytes"},
	} {
		c.bounds.reply, c.bounds.replies = bound.reply, bound.replies
		var page view.Events
		status, _, body := c.get(t, "/api/v1/events?scope=tier", &page)
		refused := 0
		for _, p := range page.About.Pods {
			if !p.Answered {
				refused++
			}
		}
		if status != http.StatusOK || refused != bound.refused || !strings.Contains(body, bound.why) {
			t.Errorf("%+v: %d of %d pods, %d %.300s", bound, refused, len(page.About.Pods), status, body)
		}
	}
	alone := newPod(t, "alone")
	alone.bounds.peerWithin = time.Millisecond // how long they wait for a place
	for range tiersAtOnce {
		alone.tiers <- struct{}{}
	}
	var asking sync.WaitGroup
	for _, path := range []string{"events", "events/top", "events/r1", "traffic", "overview"} {
		asking.Go(func() {
			if status, _, body := alone.get(t, "/api/v1/"+path+"?scope=tier", nil); status != http.StatusTooManyRequests {
				t.Errorf("%s: %d %.200s", path, status, body)
			}
		})
	}
	asking.Wait()
	alone.leave()
	if status, _, body := alone.get(t, "/api/v1/overview?scope=tier", nil); status != http.StatusOK {
		t.Errorf("%d %.200s", status, body)
	}
}

// TestTierStream hears all pods in one stream.
func TestTierStream(t *testing.T) {
	a := newPod(t, "a")
	c := newPod(t, "c", a.address)
	_, next := stream(t, c, "scope=tier")
	for heard := false; !heard; { // wait until the other pod is
		name, data := next()
		var about view.About
		if name != "about" || json.Unmarshal([]byte(data), &about) != nil {
			t.Fatalf("%s %s", name, data)
		}
		heard = about.Complete
	}
	a.add("security", 1, "of-a", blockedMore)
	c.add("security", 1, "of-c", blockedMore)
	got := map[string]string{}
	for len(got) < 2 {
		name, data := next()
		var e view.Event
		if name == "event" && json.Unmarshal([]byte(data), &e) == nil {
			var of told
			_ = json.Unmarshal(e.Event, &of)
			got[of.RequestID] = e.Pod
		}
	}
	if got["of-a"] != "a" || got["of-c"] != "c" {
		t.Errorf("%v", got)
	}
}

// TestTierLists has the lists of all pods beside each other, of which one is older and one has nothing in force yet.
func TestTierLists(t *testing.T) {
	listing := func(p *pod, ids ...string) {
		p.State.Listed = map[string]func() any{"upstreams": func() any {
			if ids == nil {
				return nil
			}
			return ids
		}}
		for path, serve := range p.Scoped() {
			p.mux.HandleFunc(path, serve)
		}
	}
	a, b := newPod(t, "a"), newPod(t, "b")
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[{"id":"shop"}]`) }))
	defer old.Close()
	c := newPod(t, "c", b.address, a.address, old.Listener.Addr().String())
	listing(a, "of-a")
	listing(b)
	listing(c, "of-c")
	type lists struct {
		About view.About
		Pods  []struct {
			Pod    string
			Answer struct{ Upstreams []string }
		}
	}
	var all, alone lists
	c.get(t, "/api/v1/upstreams?scope=tier", &all)
	said, missing := "", map[string]bool{}
	for _, p := range all.Pods {
		said += p.Pod + strings.Join(p.Answer.Upstreams, ",") + " "
	}
	for _, p := range all.About.Pods {
		missing[p.Error] = true
	}
	if said != "aof-a cof-c " || all.About.Complete || len(all.About.Pods) != 4 || !missing[notFound] {
		t.Errorf("%s %+v", said, all.About)
	}
	var one struct {
		About     view.About
		Upstreams []string
	}
	a.get(t, "/api/v1/upstreams?scope=pod", &one)
	if one.About.Pod != "a" || !slices.Equal(one.Upstreams, []string{"of-a"}) {
		t.Errorf("%+v", one)
	}
	for query, want := range map[string]int{"scope=all": 400, "scope=pod&rout=x": 400} {
		if status, _, body := a.get(t, "/api/v1/upstreams?"+query, nil); status != want {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	if status, _, body := b.get(t, "/api/v1/upstreams?scope=pod", nil); status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", status, body)
	}
	b.get(t, "/api/v1/upstreams?scope=tier", &alone)
	if len(alone.Pods) != 1 || alone.Pods[0].Pod != "b" || alone.Pods[0].Answer.Upstreams != nil {
		t.Errorf("%+v", alone)
	}
}
