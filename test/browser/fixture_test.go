package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/admin/page"
	"github.com/wafer-waf/wafer/admin/view"
)

// standIn answers as the admin listener of one pod of a tier does, in states that a real one is hard to bring into: a pod that
// does not answer, endpoints that are down, events whose every field attacks who looks at them, a stream that breaks.
type standIn struct {
	http.ServeMux
	page  page.Page
	start time.Time

	mu      sync.Mutex
	events  []view.Event // newest first
	streams []chan view.Event
	asked   int // how often a stream was asked for
	token   string
	since   string // what the last reader of the stream had seen
}

func newStandIn(t *testing.T, events []view.Event) (*standIn, string) {
	s := &standIn{start: time.Now(), events: events}
	s.HandleFunc("/{$}", s.page.Document)
	s.HandleFunc(page.Prefix, s.page.Files)
	s.api("overview", s.overview)
	s.api("traffic", s.traffic)
	s.api("events", s.list)
	s.api("events/top", s.top)
	s.api("events/{id}", s.opened)
	s.api("policies", func(r *http.Request) any { return s.perPod(r, s.policies()) })
	s.api("certificates", func(r *http.Request) any { return s.perPod(r, s.certificates()) })
	s.api("generations", func(r *http.Request) any { return s.perPod(r, s.generations()) })
	s.api("upstreams", func(r *http.Request) any {
		return s.perPod(r, map[string]any{"about": s.about(r), "upstreams": s.upstreams()})
	})
	s.HandleFunc("/api/v1/events/stream", s.stream)
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.CloseClientConnections() // streams do not end by themselves
		server.Close()
	})
	return s, server.URL
}

func (s *standIn) api(path string, answer func(*http.Request) any) {
	s.HandleFunc("/api/v1/"+path, func(w http.ResponseWriter, r *http.Request) {
		if !s.known(w, r) {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		value := answer(r)
		if o, ok := value.(*view.Opened); ok && len(o.Events) == 0 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			value = map[string]any{"title": "not found", "status": http.StatusNotFound, "error": "no event of this request is kept"}
		}
		_ = json.NewEncoder(w).Encode(value)
	})
}

// known asks for the token, if there is one.
func (s *standIn) known(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == "" || r.Header.Get("Authorization") == "Bearer "+s.token {
		return true
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprint(w, `{"title":"a token is needed","status":401,"error":"a token is needed"}`)
	return false
}

func (s *standIn) about(r *http.Request) view.About {
	now := time.Now().UTC()
	a := view.About{
		Pod: "wafer-6c9d-x2x", Version: "0.9.0", Time: now, Scope: view.ScopeTier, Complete: true,
		Window: view.Window{From: now.Add(-time.Hour), To: now}, Sampling: view.Sampling{Access: "all", Counted: 1},
		Dropped: view.Dropped{Output: 3},
		Kept: []view.Kept{
			{Part: "notable", From: now.Add(-47 * time.Minute), To: now, Events: 8123, Bytes: 8388000, Limit: 8 << 20, Overwritten: 120},
			{Part: "refused", From: now.Add(-9 * time.Minute), To: now, Events: 6020, Bytes: 4194000, Limit: 4 << 20, Overwritten: 3300},
			{Part: "passed", From: now.Add(-2 * time.Minute), To: now, Events: 6011, Bytes: 4194200, Limit: 4 << 20, Overwritten: 99120},
		},
	}
	if r.URL.Query().Get("scope") != view.ScopeTier {
		a.Scope = view.ScopePod
		return a
	}
	a.Complete = false
	a.Pods = []view.Pod{
		{Pod: "wafer-6c9d-x2x", Address: "10.0.0.4:9090", Self: true, Answered: true, Version: "0.9.0"},
		{Pod: "wafer-6c9d-9k2", Address: "10.0.0.5:9090", Answered: true, Version: "0.9.0"},
		{Address: "10.0.0.7:9090", Error: "no answer within 2s"},
	}
	return a
}

func (s *standIn) perPod(r *http.Request, answer any) any {
	return &view.States{About: s.about(r), Pods: []view.PodState{{Pod: "wafer-6c9d-x2x", Answer: answer}, {Pod: "wafer-6c9d-9k2", Answer: answer}}}
}

// counts are requests of n, of which every so many are stopped.
func counts(n uint64, mode string) view.Counts {
	c := view.Counts{Requests: n, P50: 1.4, P95: 8, P99: 31, Verdicts: map[string]uint64{}, Coverage: map[string]uint64{}, Screened: map[string]uint64{}}
	bad, refused := n/40, n/90
	c.Verdicts["refused"] = refused
	c.Verdicts[map[string]string{"block": "block", "detect": "would_block"}[mode]] = bad
	c.Verdicts["pass"] = n - bad - refused
	c.Coverage["full"] = n - refused - n/70
	c.Coverage["partial"], c.Coverage["none"] = n/70, refused
	c.Missed = map[string]uint64{"files": n/70 - n/200, "binary": n / 200}
	c.Statuses = map[string]uint64{"2xx": n - bad - refused - n/300, "4xx": bad + refused, "5xx": n / 300}
	c.Screened["clean"], c.Screened["inspect"] = n-refused-2*bad, 2*bad
	return c
}

func wave(i int) uint64 { return uint64(900 + 300*(i%17)/17 + 211*(i*i%13)/13) }

func (s *standIn) points() (all []view.Point, total view.Counts) {
	end := time.Now().UTC().Truncate(10 * time.Second)
	var n uint64
	for i := range 60 {
		c := counts(wave(i), "block")
		if i%9 == 4 {
			c.Verdicts["block"] += 160
			c.Requests += 160
		}
		if i > 40 {
			c.Verdicts["would_block"] += 7
			c.Requests += 7
		}
		n += c.Requests
		all = append(all, view.Point{Time: end.Add(time.Duration(i-59) * time.Minute), Counts: c})
	}
	return all, counts(n, "block")
}

func (s *standIn) routes() []view.RouteRow {
	row := func(id, mode, health string, n uint64, up, of int) view.RouteRow {
		return view.RouteRow{ID: id, Hosts: []string{id + ".example.com"}, Paths: []string{"/"}, Policy: map[string]string{"block": "strict", "detect": "watch"}[mode], Mode: mode, Upstreams: []string{id},
			Health: health, Up: up, Endpoints: of, InFlight: 3, Counts: counts(n, mode), Clean: 0.962, Inspected: 0.985}
	}
	return []view.RouteRow{row("shop", "block", "up", 48210, 2, 2), row("api", "block", "degraded", 17044, 2, 3), row("legacy", "detect", "up", 5023, 1, 1)}
}

func (s *standIn) overview(r *http.Request) any {
	points, total := s.points()
	return &view.Overview{
		About: s.about(r), Started: s.start, Rate: 20.1, Stopped: 0.31, Total: total, Routes: s.routes(), Seconds: 60, Points: points, Policies: 2,
		Trouble: []view.Trouble{
			{Pod: "wafer-6c9d-9k2", What: "upstream", Level: "warning", About: "upstream api: endpoint 10.2.0.19:8080 does not accept connections"},
			{What: "pod", Level: "warning", About: "pod 10.0.0.7:9090 does not answer"},
		},
		Pods: []view.PodRow{{Pod: "wafer-6c9d-x2x", Version: "0.9.0", Ready: true, Generation: 3, Requests: 34410, InFlight: 4, Memory: 91 << 20}, {Pod: "wafer-6c9d-9k2", Version: "0.9.0", Ready: true, Generation: 3, Requests: 34410, InFlight: 4, Memory: 91 << 20}},
	}
}

func (s *standIn) traffic(r *http.Request) any {
	points, total := s.points()
	t := &view.Traffic{About: s.about(r), Seconds: 60, Points: points, Total: total, RoutesFrom: time.Now().Add(-time.Hour)}
	for _, row := range s.routes() {
		line := view.RouteLine{Route: row.ID, Counts: row.Counts}
		for i := range 60 {
			line.Line = append(line.Line, wave(i+len(row.ID))*row.Requests/70000)
			line.Blocked = append(line.Blocked, uint64(i%7/5*4))
		}
		t.Routes = append(t.Routes, line)
	}
	return t
}

// list answers with pages of a hundred; of filters it knows the text, the verdict and the rule.
func (s *standIn) list(r *http.Request) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	limit, _ := strconv.Atoi(q.Get("limit"))
	limit = max(limit, 1)
	past := q.Get("cursor") == ""
	out := &view.Events{About: s.about(r), Events: []view.Event{}}
	for _, e := range s.events {
		if !past {
			past = e.ID == q.Get("cursor")
			continue
		}
		if out.Looked++; !fits(e, q.Get("text"), q.Get("verdict"), q.Get("rule")) {
			continue
		}
		if len(out.Events) == limit {
			out.Next = out.Events[limit-1].ID
			break
		}
		out.Events = append(out.Events, e)
	}
	return out
}

func fits(e view.Event, text, verdict, rule string) bool {
	line := strings.ToLower(string(e.Event))
	return strings.Contains(line, strings.ToLower(text)) && (verdict == "" || strings.Contains(line, `"verdict":"`+verdict+`"`)) &&
		(rule == "" || strings.Contains(line, `"id":`+rule))
}

func (s *standIn) top(r *http.Request) any {
	rows := map[string][]view.TopRow{
		"client": {{Value: "198.51.100.23", Count: 310}, {Value: "203.0.113.9", Count: 122}, {Value: "2001:db8:77::1f", Count: 31}},
		"rule": {{Value: "942100", Message: "SQL Injection Attack Detected via libinjection", Count: 288, Blocked: 280}, {Value: "941100", Message: "XSS Attack Detected via libinjection", Count: 141},
			{Value: "930120", Message: "OS File Access Attempt", Count: 40}, {Value: "932160", Message: "Remote Command Execution: Unix Shell Code Found", Count: 12}},
	}
	return &view.Top{About: s.about(r), By: r.URL.Query().Get("by"), Rows: rows[r.URL.Query().Get("by")]}
}

func (s *standIn) opened(r *http.Request) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &view.Opened{About: s.about(r), RequestID: r.PathValue("id"), Pod: "wafer-6c9d-x2x", Why: "rules add up to a score of 10, and policy strict blocks from 5 on"}
	for _, e := range s.events {
		var known attack
		if json.Unmarshal(e.Event, &known) != nil || known.RequestID != out.RequestID {
			continue
		}
		out.Events = append(out.Events, e)
		out.Time, out.Request, out.Client, out.Route, out.Verdict, out.Status = known.Time, known.Method+" "+known.Host+known.Path, known.Client, known.Route, known.Verdict, known.Status
		out.Coverage, out.Reason, out.Error = known.Coverage, known.CoverageReason, known.Error
		out.Score = &view.Score{Inbound: 10, InboundThreshold: 5, OutboundThreshold: 4}
		for _, m := range known.Rules {
			out.Rules = append(out.Rules, known.rule(m))
		}
		policy := s.policies().(*view.Policies).Policies[0]
		out.Policy = &policy
		out.Exclusion = &view.Exclusion{Policy: "strict", Rules: 1, Passes: true, YAML: "exclusions:\n  - { rule: 942100, target: \"" + known.Rules[0].Target + "\", path: /search, reason: say why this is no attack }\n",
			Opens:  []view.Opening{{Rule: 942100, Opens: "rule 942100 (" + known.Rules[0].Message + ") no longer looks at " + known.Rules[0].Target + " in requests to /search and below"}},
			Others: 3, Examples: []string{known.RequestID}, Looked: 512}
		out.Explain = []view.Command{{About: "try this request, and the exclusion, on a route file", Command: "wafer explain routes.yaml 'http://" + known.Host + known.Path + "'"}}
		break
	}
	return out
}

func (s *standIn) policies() any {
	v := func(path string, value any, source string) view.Value {
		return view.Value{Path: path, Value: value, Source: source}
	}
	settings := []view.Value{v("mode", "block", "routes.yaml:12"), v("paranoia.blocking", 1, "default"), v("paranoia.detection", 2, "routes.yaml:13"), v("thresholds.inbound", 5, "default"), v("thresholds.outbound", 4, "default"),
		v("request_body.limit", "1MiB", "default"), v("response_body.inspect", true, "routes.yaml:15"), v("crs.allowed_methods", []string{"GET", "HEAD", "POST", "OPTIONS"}, "default"), v("inspection_budget", "250ms", "default")}
	return &view.Policies{Generation: 3, Policies: []view.PolicyState{
		{ID: "strict", Mode: "block", Rules: 812, Routes: []string{"shop", "api"}, Engine: "3f9a", Settings: settings,
			Exclusions: []view.PolicyExclusion{{Rule: 942100, Target: "ARGS:comment", Path: "/forum", Reason: "people write about SQL there", Source: "routes.yaml: policies[0].exclusions[0]"}}},
		{ID: "watch", Mode: "detect", Rules: 288, Routes: []string{"legacy"}, Engine: "77aa", Settings: settings[1:2]},
	}}
}

func (s *standIn) certificates() any {
	now := time.Now()
	one := func(kind, name string, days float64, state string) view.Certificate {
		return view.Certificate{For: kind, Name: name, File: "/etc/wafer/tls/" + name + ".crt", Subject: "CN=" + name, Names: []string{name, "www." + name}, Issuer: "CN=Example CA", NotAfter: now.Add(time.Duration(days * 24 * float64(time.Hour))), Days: days, State: state, SHA256: name}
	}
	return &view.Certificates{Certificates: []view.Certificate{one("upstream", "origin.example.com", -1.2, "ended"), one("listener", "api.example.com", 9.4, "ending"), one("listener", "shop.example.com", 61.5, "good")}}
}

func (s *standIn) generations() any {
	return &view.Generations{Current: 3, Digest: "2537196b31e4488810751533b07f2b84", About: view.About{Version: "0.9.0"}, Problems: []string{`routes.yaml:14: policies[0].mod: unknown key "mod", did you mean "mode"?`},
		Generations: []view.Generation{
			{Generation: 3, Digest: "2537196b31e4488810751533b07f2b84", Since: s.start.Add(-7 * time.Minute), Trigger: "file", Seconds: 0.4, Modified: []string{"shop"}, Changes: []view.Change{
				{Path: "policies.strict.paranoia.detection", Before: 1, After: 2}, {Path: "routes.shop.hosts", Before: []string{"shop.example.com"}, After: []string{"shop.example.com", "www.example.com"}},
				{Path: "policies.strict.exclusions.0", After: "942100 ARGS:comment /forum"}}},
			{Generation: 2, Digest: "99aa196b31e4488810751533b07f2b84", Since: s.start.Add(-3 * time.Hour), Trigger: "SIGHUP", Seconds: 0.4, Added: []string{"legacy"}},
			{Generation: 1, Digest: "01aa196b31e4488810751533b07f2b84", Since: s.start.Add(-30 * time.Hour), Trigger: "start"},
		}}
}

func (s *standIn) upstreams() any {
	type m = map[string]any
	up := func(address string) m {
		return m{"address": address, "state": "up", "since": s.start.Add(-time.Hour), "in_flight": 2, "connections": 4, "latency_ms": 1.3, "weight": 1}
	}
	return []m{
		{"id": "shop", "panic": false, "waiting": 0, "endpoints": []m{up("10.2.0.11:8080"), up("10.2.0.12:8080")}},
		{"id": "api", "panic": false, "waiting": 4, "endpoints": []m{up("10.2.0.17:8080"), {"address": "10.2.0.19:8080", "state": "ejected", "reason": "connect", "since": s.start, "ejections": 2, "faults": 5}}},
		{"id": "legacy", "endpoints": []m{}, "sources": []m{{"name": "legacy.shop.svc", "failing": m{"reason": "name", "times": 4}}}},
	}
}

// stream tells what is pushed, until it is broken off.
func (s *standIn) stream(w http.ResponseWriter, r *http.Request) {
	if !s.known(w, r) {
		return
	}
	pushed := make(chan view.Event, 4096)
	s.mu.Lock()
	s.asked++
	s.since = r.Header.Get("Last-Event-ID")
	s.streams = append(s.streams, pushed)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	about, _ := json.Marshal(s.about(r))
	fmt.Fprintf(w, "event: about\ndata: %s\n\n", about)
	flush := http.NewResponseController(w)
	_ = flush.Flush()
	for {
		select {
		case <-r.Context().Done():
			s.mu.Lock()
			s.streams = slices.DeleteFunc(s.streams, func(c chan view.Event) bool { return c == pushed })
			s.mu.Unlock()
			return
		case e, more := <-pushed:
			if !more {
				return
			}
			if e.ID == "" {
				fmt.Fprint(w, "event: missed\ndata: {\"missed\":12}\n\n")
			} else {
				line, _ := json.Marshal(e)
				fmt.Fprintf(w, "id: %s\nevent: event\ndata: %s\n\n", e.ID, line)
			}
			_ = flush.Flush()
		}
	}
}

// push sends an event to all readers; one without an id says that some were missed.
func (s *standIn) push(e view.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, to := range s.streams {
		select {
		case to <- e:
		default: // a reader that is slow, or gone
		}
	}
}

// breakOff ends all streams.
func (s *standIn) breakOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, to := range s.streams {
		close(to)
	}
	s.streams = nil
}

// readers is how often the stream was asked for, and what the last one had seen.
func (s *standIn) readers() (asked int, since string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.since
}

// attack is an event as tests write it. Comment and text are what the stand-in says of its rules.
type attack struct {
	Time           string     `json:"time"`
	Event          string     `json:"event"`
	RequestID      string     `json:"request_id"`
	Route          string     `json:"route"`
	Policy         string     `json:"policy"`
	Mode           string     `json:"mode"`
	Client         string     `json:"client"`
	Method         string     `json:"method"`
	Host           string     `json:"host"`
	Path           string     `json:"path"`
	Verdict        string     `json:"verdict"`
	Status         int        `json:"status"`
	Score          view.Score `json:"score"`
	Rules          []found    `json:"rules"`
	Coverage       string     `json:"coverage"`
	CoverageReason string     `json:"coverage_reason"`
	Error          string     `json:"error"`
	AccessRule     string     `json:"access_rule"`
	UserAgent      string     `json:"user_agent"`
	Comment        string     `json:"comment"`
	Text           string     `json:"text"`
}

type found struct {
	ID       int      `json:"id"`
	Message  string   `json:"message"`
	Severity string   `json:"severity"`
	Target   string   `json:"target"`
	Value    string   `json:"value"`
	Tags     []string `json:"tags"`
}

// someAttacks are n events of the kinds that people see every day, newest first.
func someAttacks(n int) []view.Event {
	kinds := []attack{
		{Route: "shop", Policy: "strict", Mode: "block", Method: "GET", Host: "shop.example.com", Path: "/search", Verdict: "block", Status: 403, Client: "198.51.100.23", Coverage: "full",
			Rules: []found{{942100, "SQL Injection Attack Detected via libinjection", "critical", "ARGS:q", "1' OR '1'='1' -- ", []string{"attack-sqli"}}}},
		{Route: "api", Policy: "strict", Mode: "block", Method: "POST", Host: "api.example.com", Path: "/v1/orders", Verdict: "block", Status: 403, Client: "203.0.113.9", Coverage: "full",
			Rules: []found{{941100, "XSS Attack Detected via libinjection", "critical", "ARGS_JSON:json.note", "<script>alert(1)</script>", []string{"attack-xss"}}, {941110, "XSS Filter - Category 1: Script Tag Vector", "critical", "ARGS_JSON:json.note", "<script>", []string{"attack-xss"}}}},
		{Route: "legacy", Policy: "watch", Mode: "detect", Method: "GET", Host: "legacy.example.com", Path: "/item.php", Verdict: "would_block", Status: 200, Client: "2001:db8:77::1f", Coverage: "full",
			Rules: []found{{930120, "OS File Access Attempt", "critical", "ARGS:page", "../../../../etc/passwd", []string{"attack-lfi"}}}},
	}
	now := time.Now().UTC()
	out := make([]view.Event, 0, n)
	for i := range n {
		e := kinds[i*7/4%len(kinds)]
		e.Event, e.Score = "security", view.Score{Inbound: 5 * len(e.Rules), InboundThreshold: 5, OutboundThreshold: 4}
		e.Time = now.Add(time.Duration(-i*7) * time.Second).Format("2006-01-02T15:04:05.000Z07:00")
		e.RequestID = fmt.Sprintf("0197f2c4-8a51-7c3e-9d5b-%012d", n-i)
		e.Comment = "Detects SQL injection with libinjection, which parses a value as SQL would be parsed.\nIt knows the contexts that a value can be put into."
		e.Text = "SecRule REQUEST_COOKIES|!REQUEST_COOKIES:/__utm/|ARGS_NAMES|ARGS|XML:/* \"@detectSQLi\" \\\n    \"id:942100,\\\n    phase:2,\\\n    block\""
		out = append(out, e.event(fmt.Sprintf("n7-%06d", n-i)))
	}
	return out
}

// rule is what the tier says of one that was found. It goes by way of its JSON, which is what the page reads.
func (a attack) rule(m found) (r view.MatchedRule) {
	line, _ := json.Marshal(map[string]any{ // of plain values always encodes
		"id": m.ID, "message": m.Message, "severity": m.Severity, "score": 5, "phase": 2, "target": m.Target, "where": `the parameter "q"`, "value": m.Value, "tags": m.Tags,
		"about": a.Comment, "file": "REQUEST-942-APPLICATION-ATTACK-SQLI.conf", "line": 61, "paranoia": 1, "text": a.Text,
	})
	_ = json.Unmarshal(line, &r) // as above
	return r
}

func (a attack) event(id string) view.Event {
	line, _ := json.Marshal(a) // of plain values always encodes
	return view.Event{Pod: "wafer-6c9d-x2x", ID: id, Event: line}
}
