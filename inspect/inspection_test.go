package inspect

import (
	"bytes"
	"compress/gzip"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wafer-waf/wafer/coding"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/waf"
)

// ownRules do what a request asks for.
const ownRules = `
SecRule ARGS:do "@streq redirect" "id:1001,phase:1,redirect:http://other.example/,t:none"
SecRule ARGS:do "@streq drop" "id:1002,phase:1,drop,t:none"
SecRule ARGS:do "@streq teapot" "id:1003,phase:1,deny,status:418,t:none"
SecRule ARGS:do "@streq off" "id:1004,phase:1,pass,nolog,t:none,ctl:ruleEngine=Off"
SecRule ARGS:do "@streq nobody" "id:1005,phase:1,pass,nolog,t:none,ctl:requestBodyAccess=Off"
SecRule RESPONSE_HEADERS:X-Leak "@streq 1" "id:1006,phase:3,deny,status:502,t:none"
SecRule RESPONSE_BODY "@contains secret" "id:1007,phase:4,deny,status:502,t:none"
`

const (
	limit  = 1000 // bytes of a body that are inspected
	attack = "/?q=1%27%20UNION%20SELECT%20username%2Cpassword%20FROM%20users--%20-"
	form   = "q=1'+UNION+SELECT+username,password+FROM+users--+-"
)

// policies returns policies whose engines live until the test ends.
func policies(t *testing.T) (block, detect Policy) {
	t.Helper()
	compiler := waf.NewCompiler()
	of := func(mode waf.Mode) Policy {
		p := waf.Policy{
			ID: "test", Mode: mode, BlockingParanoia: 1, DetectionParanoia: 1, InboundThreshold: 5, OutboundThreshold: 4, ReportingLevel: 4,
			RequestBody: true, ResponseBody: true, ResponseBodyBytes: limit, ResponseMIMETypes: []string{"text/html"},
			RulesBefore: []waf.RuleText{{Source: "own rules", Text: ownRules}},
		}
		e, err := compiler.NewEngine(p)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
		return Policy{
			Engine: e, Detect: mode == waf.ModeDetect, BlockStatus: 429, RequestBodies: true, RequestLimit: limit,
			ResponseBodies: true, ResponseLimit: limit, ResponseTypes: []string{"text/html"},
		}
	}
	return of(waf.ModeBlock), of(waf.ModeDetect)
}

// with is a policy with a change.
func with(p Policy, change func(*Policy)) *Policy {
	change(&p)
	return &p
}

func get(target string, more ...message.Field) *waf.Request {
	return &waf.Request{
		Method: "GET", Target: target, Protocol: "HTTP/1.1", Host: "a.test", ClientAddr: "192.0.2.1",
		Headers: append(message.Fields{{Name: "Host", Value: "a.test"}, {Name: "User-Agent", Value: "Mozilla/5.0"}, {Name: "Accept", Value: "*/*"}}, more...),
	}
}

func post(target, mediaType string, length int) *waf.Request {
	r := get(target, message.Field{Name: "Content-Type", Value: mediaType}, message.Field{Name: "Content-Length", Value: strconv.Itoa(length)})
	r.Method = "POST"
	return r
}

const urlencoded = "application/x-www-form-urlencoded"

// purse is memory that is counted.
type purse struct{ has, taken int64 }

func (p *purse) Take(n int64) (int64, bool) {
	if p.taken+n > p.has {
		return 0, false
	}
	p.taken += n
	return n, true
}

func (p *purse) Free(n int64) { p.taken -= n }

// inspected takes a request through a policy, as an exchange does, and returns what comes of it.
func inspected(t *testing.T, by *Inspector, p *Policy, terms Terms, r *waf.Request, body Body) (Outcome, *Report) {
	t.Helper()
	var i Inspection
	terms.ID = "id"
	i.Begin(by, p, terms)
	o := i.RequestHead(r)
	if !o.Stops() && len(body.Bytes) > 0 {
		length := len(body.Bytes)
		if !body.Ended {
			length = -1
		}
		o = i.Announced(length)
	}
	if !o.Stops() {
		if _, wants := i.WantsRequestBody(); !wants && body.Bytes != nil {
			body = Body{}
		}
		o = i.RequestBody(body)
	}
	if o != i.Outcome() {
		t.Errorf("said %+v, and then %+v", o, i.Outcome())
	}
	report := i.End()
	if by.Memory != nil && by.Memory.(*purse).taken != 0 {
		t.Errorf("%d bytes are never given back", by.Memory.(*purse).taken)
	}
	if again := i.End(); again != report || i.Going() {
		t.Error("the end is not the end")
	}
	return o, report
}

func gzipped(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRequest(t *testing.T) {
	block, detect := policies(t)
	off := &Policy{}
	prefix := with(block, func(p *Policy) { p.Oversize = InspectPrefix })
	skip := with(block, func(p *Policy) { p.Oversize = SkipInspection })
	pass := with(block, func(p *Policy) { p.Undecodable = SkipInspection })
	whole := func(s string) Body { return Body{Bytes: []byte(s), Ended: true} }
	long := "a=" + strings.Repeat("x", limit)
	const bomb = "not gzip at all"
	for _, tt := range []struct {
		name     string
		policy   *Policy
		request  *waf.Request
		body     Body
		verdict  Verdict
		status   int
		coverage Coverage
		failure  Failure
	}{
		{"ordinary", &block, get("/a?b=c"), Body{Ended: true}, Pass, 0, Coverage{}, Failure{}},
		{"mode off", off, get(attack), Body{Ended: true}, Pass, 0, Coverage{None, ReasonPolicyOff}, Failure{}},
		{"attack in the query", &block, get(attack), Body{Ended: true}, Block, 429, Coverage{}, Failure{}},
		{"attack detected", &detect, get(attack), Body{Ended: true}, WouldBlock, 0, Coverage{}, Failure{}},
		{"attack in the body", &block, post("/", urlencoded, len(form)), whole(form), Block, 429, Coverage{}, Failure{}},
		{"another status", &block, get("/?do=teapot"), Body{Ended: true}, Block, 418, Coverage{Headers, ReasonBlocked}, Failure{}},
		{"redirect", &block, get("/?do=redirect"), Body{Ended: true}, Redirect, 302, Coverage{Headers, ReasonBlocked}, Failure{}},
		{"drop", &block, get("/?do=drop"), Body{Ended: true}, Drop, 0, Coverage{Headers, ReasonBlocked}, Failure{}},
		{"drop detected", &detect, get("/?do=drop"), Body{Ended: true}, WouldBlock, 0, Coverage{}, Failure{}},
		{"engine switched off", &block, get("/?do=off&q=" + attack[4:]), Body{Ended: true}, Pass, 0, Coverage{None, ReasonExcluded}, Failure{}},
		{"body switched off", &block, post("/?do=nobody", urlencoded, len(form)), whole(form), Pass, 0, Coverage{Headers, ReasonExcluded}, Failure{}},
		{"body of the limit", &block, post("/", urlencoded, limit), whole(long[:limit]), Pass, 0, Coverage{}, Failure{}},
		{"body over the limit", &block, post("/", urlencoded, len(long)), whole(long), Refused, 413, Coverage{Headers, ReasonOversize}, OverLimit},
		{"body that goes on", &block, post("/", urlencoded, limit), Body{Bytes: []byte(long[:limit])}, Refused, 413, Coverage{Headers, ReasonOversize}, OverLimit},
		{"body that goes on, detected", &detect, post("/", urlencoded, limit), Body{Bytes: []byte(long[:limit])}, WouldBlock, 0, Coverage{Partial, ReasonOversize}, OverLimit},
		{"prefix", prefix, post("/", urlencoded, limit), Body{Bytes: []byte(long[:limit])}, Pass, 0, Coverage{Partial, ReasonOversize}, Failure{}},
		{"attack in the prefix", prefix, post("/", urlencoded, limit), Body{Bytes: []byte(form + "&" + long[:500])}, Block, 429, Coverage{Partial, ReasonOversize}, Failure{}},
		{"skipped", skip, post("/", urlencoded, limit), Body{Bytes: []byte(form + "&" + long[:500])}, Pass, 0, Coverage{Headers, ReasonOversize}, Failure{}},
		{"gzip", &block, post("/", urlencoded, 1), Body{Bytes: gzipped(t, "a=b"), Ended: true, Coding: "gzip"}, Pass, 0, Coverage{}, Failure{}},
		{"attack in gzip", &block, post("/", urlencoded, 1), Body{Bytes: gzipped(t, form), Ended: true, Coding: "gzip"}, Block, 429, Coverage{}, Failure{}},
		{"gzip cut", &block, post("/", urlencoded, 1), Body{Bytes: gzipped(t, form)[:30], Ended: true, Coding: "gzip"}, Refused, 415, Coverage{None, ReasonRefused}, Undecodable},
		{"gzip of more than the limit", &block, post("/", urlencoded, 1), Body{Bytes: gzipped(t, long), Ended: true, Coding: "gzip"}, Refused, 413, Coverage{Headers, ReasonOversize}, OverLimit},
		{"no gzip", &block, post("/", urlencoded, 1), Body{Bytes: []byte(bomb), Ended: true, Coding: "gzip"}, Refused, 415, Coverage{None, ReasonRefused}, Undecodable},
		{"no gzip, detected", &detect, post("/", urlencoded, 1), Body{Bytes: []byte(bomb), Ended: true, Coding: "gzip"}, WouldBlock, 0, Coverage{Headers, ReasonEncoding}, Undecodable},
		{"no gzip, let pass", pass, post("/", urlencoded, 1), Body{Bytes: []byte(bomb), Ended: true, Coding: "gzip"}, Pass, 0, Coverage{Headers, ReasonEncoding}, Failure{}},
		{"unknown coding", &block, post("/", urlencoded, 1), Body{Bytes: []byte("x"), Ended: true, Coding: "rot13"}, Refused, 415, Coverage{None, ReasonRefused}, Undecodable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			by := &Inspector{Decoder: coding.New(), Memory: &purse{has: 1 << 20}}
			o, _ := inspected(t, by, tt.policy, Terms{}, tt.request, tt.body)
			if o.Verdict != tt.verdict || o.Coverage != tt.coverage || o.Failure != tt.failure || o.Stops() && o.Status != tt.status || o.Err != nil {
				t.Errorf("%s %d, %s %s, %+v, %v", o.Verdict, o.Status, o.Coverage.Label, o.Coverage.Reason, o.Failure, o.Err)
			}
			if o.Verdict == Redirect && o.Location != "http://other.example/" {
				t.Errorf("location %q", o.Location)
			}
		})
	}
}

// gate lets through who has a place; nil: nobody has.
type gate struct {
	open bool
	late []bool
}

func (g *gate) Run(late bool, rules func()) bool {
	g.late = append(g.late, late)
	if g.open {
		rules()
	}
	return g.open
}

// TestShortages has places, memory, time and patience run out.
func TestShortages(t *testing.T) {
	block, _ := policies(t)
	allow := with(block, func(p *Policy) { p.OnOverload = Allow })
	body := Body{Bytes: []byte(form), Ended: true}
	request := post("/", urlencoded, len(form))
	overload := Coverage{None, ReasonOverload}
	for _, tt := range []struct {
		name    string
		policy  *Policy
		memory  int64
		terms   Terms
		verdict Verdict
		failure Failure
		covered Coverage
	}{
		{"a place and memory", &block, 1 << 20, Terms{Gate: &gate{open: true}}, Block, Failure{}, Coverage{}},
		{"no place", &block, 1 << 20, Terms{Gate: &gate{}}, Refused, NoPlace, overload},
		{"no place, let pass", allow, 1 << 20, Terms{Gate: &gate{}}, Pass, Failure{}, overload},
		{"no memory", &block, 1, Terms{}, Refused, NoMemory, overload},
		{"no memory, let pass", allow, 1, Terms{}, Pass, Failure{}, overload},
	} {
		t.Run(tt.name, func(t *testing.T) {
			by := &Inspector{Decoder: coding.New(), Memory: &purse{has: tt.memory}}
			o, _ := inspected(t, by, tt.policy, tt.terms, request, body)
			if o.Verdict != tt.verdict || o.Failure != tt.failure || o.Coverage != tt.covered {
				t.Errorf("%s, %+v, %+v", o.Verdict, o.Failure, o.Coverage)
			}
		})
	}
	t.Run("what is clean needs no place", func(t *testing.T) {
		g := &gate{}
		o, report := inspected(t, &Inspector{}, &block, Terms{Gate: g}, get("/a?b=c"), Body{Ended: true})
		if o.Verdict != Pass || o.Coverage != (Coverage{}) || len(g.late) > 0 || report.Findings.Screened != waf.ScreenClean {
			t.Errorf("%+v, asked for %d places, %s", o, len(g.late), report.Findings.Screened)
		}
	})
	t.Run("a client that leaves", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			terms := Terms{Gate: queue(2 * LongWait), Gone: func() bool { return true }}
			o, report := inspected(t, &Inspector{}, &block, terms, request, body)
			if o.Verdict != Refused || o.Failure != ClientGone || len(report.Findings.Matches) > 0 {
				t.Errorf("%+v, %d rules", o, len(report.Findings.Matches))
			}
		})
	})
	t.Run("waiting is not inspecting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o, report := inspected(t, &Inspector{}, &block, Terms{Gate: queue(time.Hour)}, request, body)
			if o.Verdict != Block || report.Took != 0 { // in a bubble, only waits take time
				t.Errorf("%+v, took %s", o, report.Took)
			}
		})
	})
}

// queue is a gate in which rules wait as long.
type queue time.Duration

func (q queue) Run(_ bool, rules func()) bool {
	time.Sleep(time.Duration(q))
	rules()
	return true
}

// TestBudget has inspections cost more than they may.
func TestBudget(t *testing.T) {
	e, err := waf.NewEngine(waf.Policy{
		ID: "test", BlockingParanoia: 1, DetectionParanoia: 1, InboundThreshold: 5, OutboundThreshold: 4, ReportingLevel: 4,
		RequestBody: true, ResponseBodyBytes: limit, Budget: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	body := form + "&a=" + strings.Repeat("select x from y ", 20<<10) // nothing looks at a clock for less
	for name, tt := range map[string]struct {
		policy  Policy
		terms   Terms
		verdict Verdict
		failure Failure
	}{
		"refused":   {Policy{Engine: e}, Terms{}, Refused, OutOfBudget},
		"let pass":  {Policy{Engine: e, OnBudget: Allow}, Terms{}, Pass, Failure{}},
		"detected":  {Policy{Engine: e, Detect: true}, Terms{}, WouldBlock, OutOfBudget},
		"unbounded": {Policy{Engine: e, BlockStatus: 403}, Terms{Unbounded: true}, Block, Failure{}},
	} {
		tt.policy.RequestBodies, tt.policy.RequestLimit = true, 1<<20
		o, _ := inspected(t, &Inspector{}, &tt.policy, tt.terms, post("/", urlencoded, len(body)), Body{Bytes: []byte(body), Ended: true})
		if o.Verdict != tt.verdict || o.Failure != tt.failure {
			t.Errorf("%s: %s, %+v", name, o.Verdict, o.Failure)
		}
		if name != "unbounded" && o.Coverage != (Coverage{Partial, ReasonBudget}) {
			t.Errorf("%s: %s %s", name, o.Coverage.Label, o.Coverage.Reason)
		}
	}
}

func TestResponse(t *testing.T) {
	block, _ := policies(t)
	html := message.Field{Name: "Content-Type", Value: "text/html"}
	response := func(fields ...message.Field) *waf.Response {
		return &waf.Response{Status: 200, Protocol: "HTTP/1.1", Headers: fields}
	}
	for _, tt := range []struct {
		name     string
		response *waf.Response
		media    string
		body     Body
		wants    bool
		verdict  Verdict
		coverage Coverage
	}{
		{"ordinary", response(html), "text/html", Body{Bytes: []byte("hello"), Ended: true}, true, Pass, Coverage{}},
		{"head", response(html, message.Field{Name: "X-Leak", Value: "1"}), "text/html", Body{}, false, Block, Coverage{}},
		{"body", response(html), "text/html", Body{Bytes: []byte("a secret"), Ended: true}, true, Block, Coverage{}},
		{"encoded body", response(html), "text/html", Body{Bytes: gzipped(t, "a secret"), Ended: true, Coding: "gzip"}, true, Block, Coverage{}},
		{"body that goes on", response(html), "text/html", Body{Bytes: []byte("hello")}, true, Pass, Coverage{Partial, ReasonOversize}},
		{"body that cannot be decoded", response(html), "text/html", Body{Bytes: []byte("hello"), Ended: true, Coding: "gzip"}, true, Pass, Coverage{Partial, ReasonEncoding}},
		{"another type", response(message.Field{Name: "Content-Type", Value: "image/png"}), "image/png", Body{}, false, Pass, Coverage{Partial, ReasonMIME}},
		{"events", response(message.Field{Name: "Content-Type", Value: EventStream}), EventStream, Body{}, false, Pass, Coverage{Partial, ReasonStream}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &gate{open: true}
			var i Inspection
			i.Begin(&Inspector{Decoder: coding.New()}, &block, Terms{ID: "id", Gate: g})
			defer i.End()
			if o := i.RequestHead(get("/")); o.Stops() {
				t.Fatal(o)
			}
			if o := i.RequestBody(Body{Ended: true}); o.Stops() {
				t.Fatal(o)
			}
			o := i.ResponseHead(tt.response)
			if !o.Stops() {
				n, wants := i.WantsResponseBody(tt.media)
				if wants != tt.wants || wants && n != limit {
					t.Errorf("wants %d bytes: %v", n, wants)
				}
				o = i.ResponseBody(tt.body)
			}
			if o.Verdict != tt.verdict || o.Coverage != tt.coverage || o.Verdict == Block && o.Status != 502 {
				t.Errorf("%s %d, %s %s", o.Verdict, o.Status, o.Coverage.Label, o.Coverage.Reason)
			}
			if slices.Contains(g.late, false) {
				t.Error("rules of a response may be turned away") // the application has done its work
			}
		})
	}
}

func TestWithoutInspection(t *testing.T) {
	var i Inspection
	if i.Going() || i.End() == nil {
		t.Error("the zero value goes on")
	}
	i.Begin(&Inspector{}, &Policy{}, Terms{})
	if i.Going() {
		t.Error("something is inspected without an engine")
	}
	if o := i.Overloaded(NoPlace); o.Verdict != Refused {
		t.Errorf("%+v", o)
	}
}

func TestRefuse(t *testing.T) {
	o := Outcome{Coverage: Coverage{Partial, ReasonFiles}, Err: errors.New("x")}.Refuse(NoMemory)
	if o.Verdict != Refused || o.Status != 503 || o.Failure != NoMemory || o.Coverage != (Coverage{Partial, ReasonFiles}) || !o.Stops() {
		t.Errorf("%+v", o)
	}
}
