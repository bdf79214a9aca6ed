package trace_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/delivery/collector"
	"github.com/wafer-waf/wafer/delivery/remote"
	"github.com/wafer-waf/wafer/trace"
	collected "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver is a collector that keeps spans.
type receiver struct {
	mu       sync.Mutex
	spans    []*spans.Span
	resource map[string]string
	status   int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	z, err := gzip.NewReader(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, _ := io.ReadAll(z)
	var request collected.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil || req.URL.Path != "/v1/traces" {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status != 0 {
		w.WriteHeader(r.status)
		return
	}
	for _, rs := range request.ResourceSpans {
		r.resource = texts(rs.Resource.Attributes)
		for _, ss := range rs.ScopeSpans {
			r.spans = append(r.spans, ss.Spans...)
		}
	}
}

// texts are attributes as text.
func texts(list []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, kv := range list {
		switch v := kv.Value.GetValue().(type) {
		case *common.AnyValue_StringValue:
			m[kv.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			m[kv.Key] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_ArrayValue:
			var all []string
			for _, e := range v.ArrayValue.Values {
				all = append(all, fmt.Sprint(e.GetIntValue()))
			}
			m[kv.Key] = strings.Join(all, " ")
		}
	}
	return m
}

// tally is a reporter that counts.
type tally struct {
	mu     sync.Mutex
	sent   int
	lost   map[string]int
	failed int
}

func (c *tally) Sent(n int)             { c.mu.Lock(); c.sent += n; c.mu.Unlock() }
func (c *tally) Lost(n int, why string) { c.mu.Lock(); c.lost[why] += n; c.mu.Unlock() }
func (c *tally) Failed(error)           { c.mu.Lock(); c.failed++; c.mu.Unlock() }
func (c *tally) Worked()                {}

func start(t *testing.T, o trace.Options) (*trace.Tracer, *receiver, *tally) {
	t.Helper()
	r, got := &receiver{}, &tally{lost: map[string]int{}}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	o.Collector = collector.Options{URL: s.URL + collector.Traces.Path(), Remote: remote.New(remote.TLS{}, "")}
	o.Service, o.Instance, o.Version, o.Report = "wafer", "pod-1", "1.2.3", got
	if o.Queue == 0 {
		o.Queue = 1000
	}
	tr, err := trace.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return tr, r, got
}

func attack() *trace.Told {
	return &trace.Told{
		Began: time.Unix(1700000000, 0), Took: 30 * time.Millisecond, ID: "r1", Method: "GET", Scheme: "https", Host: "shop.example",
		Path: "/a", Protocol: "HTTP/2.0", Client: "192.0.2.7", Status: 403, Route: "shop", Policy: "strict", Mode: "block",
		Verdict: "block", Coverage: "full", Rules: []int{942100, 941100}, Blocked: true, Inspected: 3 * time.Millisecond, InboundScore: 10,
	}
}

const parent = "00-0102030405060708090a0b0c0d0e0f10-a1a2a3a4a5a6a7a8-01"

func TestSpans(t *testing.T) {
	tr, got, count := start(t, trace.Options{Ratio: 0})
	r := tr.Begin(parent, "vendor=1")
	if !tr.Wants(r, false) {
		t.Fatal("who asks has sampled it")
	}
	traceID, spanID := r.IDs()
	out := regexp.MustCompile(`^00-0102030405060708090a0b0c0d0e0f10-([0-9a-f]{16})-01$`).FindStringSubmatch(r.Traceparent())
	if out == nil || r.Tracestate() != "vendor=1" || traceID != parent[3:35] || out[1] == spanID {
		t.Fatalf("%q, %q, trace %s, span %s", r.Traceparent(), r.Tracestate(), traceID, spanID)
	}
	told := attack()
	told.Status, told.Verdict, told.Blocked = 200, "pass", false
	told.Upstream, told.Endpoint, told.Attempts, told.Answered = "shop", "10.0.0.1:8080", 2, 20*time.Millisecond
	r.Inspecting, r.Asking = told.Began.Add(time.Millisecond), told.Began.Add(5*time.Millisecond)
	tr.End(r, told)
	if err := tr.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	if len(got.spans) != 3 || count.sent != 3 || got.resource["service.name"] != "wafer" || got.resource["service.version"] != "1.2.3" {
		t.Fatalf("%v, %+v, %v", got.spans, count, got.resource)
	}
	inspect, ask, server := got.spans[0], got.spans[1], got.spans[2]
	for _, s := range got.spans {
		if fmt.Sprintf("%x", s.TraceId) != traceID || s.TraceState != "vendor=1" {
			t.Errorf("%v", s)
		}
	}
	if fmt.Sprintf("%x", server.SpanId) != spanID || fmt.Sprintf("%x", server.ParentSpanId) != "a1a2a3a4a5a6a7a8" || server.Name != "GET shop" ||
		server.Kind != spans.Span_SPAN_KIND_SERVER || server.StartTimeUnixNano != 1700000000e9 || server.EndTimeUnixNano != 1700000000e9+30e6 {
		t.Errorf("server %v", server)
	}
	if string(inspect.ParentSpanId) != string(server.SpanId) || inspect.Name != "wafer.inspect" || inspect.EndTimeUnixNano-inspect.StartTimeUnixNano != 3e6 {
		t.Errorf("inspect %v", inspect)
	}
	if fmt.Sprintf("%x", ask.SpanId) != out[1] || string(ask.ParentSpanId) != string(server.SpanId) || ask.Kind != spans.Span_SPAN_KIND_CLIENT {
		t.Errorf("ask %v", ask)
	}
	for name, want := range map[string]string{
		"http.request.method": "GET", "url.scheme": "https", "url.path": "/a", "server.address": "shop.example", "client.address": "192.0.2.7",
		"network.protocol.version": "2", "http.response.status_code": "200", "wafer.request_id": "r1", "wafer.route": "shop", "wafer.policy": "strict",
		"wafer.mode": "block", "wafer.verdict": "pass", "wafer.coverage": "full", "wafer.rule_ids": "942100 941100",
	} {
		if have := texts(server.Attributes)[name]; have != want {
			t.Errorf("%s is %q, want %q", name, have, want)
		}
	}
	if a := texts(ask.Attributes); a["server.address"] != "10.0.0.1" || a["server.port"] != "8080" || a["http.request.resend_count"] != "1" {
		t.Errorf("%v", a)
	}
}

func TestSampling(t *testing.T) {
	for _, test := range []struct {
		name    string
		o       trace.Options
		parent  string
		blocked bool
		want    bool
	}{
		{"nobody decides, ratio 1", trace.Options{Ratio: 1}, "", false, true},
		{"nobody decides, ratio 0", trace.Options{}, "", false, false},
		{"blocked, not forced", trace.Options{}, "", true, false},
		{"blocked, forced", trace.Options{Blocked: true}, "", true, true},
		{"passed, forced", trace.Options{Blocked: true}, "", false, false},
		{"who asks does not sample", trace.Options{Ratio: 1}, strings.TrimSuffix(parent, "1") + "0", false, false},
		{"who asks does not sample, blocked, forced", trace.Options{Ratio: 1, Blocked: true}, strings.TrimSuffix(parent, "1") + "0", true, true},
		{"who asks samples", trace.Options{}, parent, false, true},
		{"nonsense is nobody", trace.Options{Ratio: 1}, "00-xyz", false, true},
		{"two senders are nobody", trace.Options{}, parent + ", " + parent, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			tr, got, _ := start(t, test.o)
			r := tr.Begin(test.parent, "")
			if wants := tr.Wants(r, test.blocked); wants != test.want {
				t.Fatalf("wanted: %t", wants)
			}
			if sampled := strings.HasSuffix(r.Traceparent(), "-01"); sampled != (test.want && !(test.blocked && test.o.Blocked)) {
				t.Errorf("traceparent %s", r.Traceparent())
			}
			if test.want {
				tr.End(r, attack())
			}
			if err := tr.Close(time.Minute); err != nil {
				t.Fatal(err)
			}
			if test.want != (len(got.spans) == 1) {
				t.Errorf("%d spans", len(got.spans))
			}
		})
	}
}

// Many share a tracer, whose collector does not take anything: spans are lost, and counted.
func TestSpansAreCounted(t *testing.T) {
	tr, got, count := start(t, trace.Options{Ratio: 1, Queue: 100})
	got.status = http.StatusServiceUnavailable
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 100 {
				r := tr.Begin("", "")
				r.Inspecting = time.Now()
				tr.End(r, attack())
			}
		})
	}
	wait.Wait()
	_ = tr.Close(100 * time.Millisecond)
	lost := 0
	for _, n := range count.lost {
		lost += n
	}
	if count.sent != 0 || lost != 800 || len(got.spans) != 0 {
		t.Errorf("%+v", count)
	}
}

func TestUnknownMethods(t *testing.T) {
	tr, got, _ := start(t, trace.Options{Ratio: 1})
	told := attack()
	told.Method, told.Route, told.Status = "PROPFIND", "", 0
	tr.End(tr.Begin("", ""), told)
	_ = tr.Close(time.Minute)
	if s := got.spans[0]; s.Name != "_OTHER" || texts(s.Attributes)["http.request.method_original"] != "PROPFIND" || s.Status.Code != spans.Status_STATUS_CODE_ERROR {
		t.Errorf("%v", s)
	}
}

func BenchmarkNotSampled(b *testing.B) {
	tr, err := trace.New(trace.Options{Report: &tally{lost: map[string]int{}}, Queue: 1, Blocked: true})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = tr.Close(0) }()
	b.ReportAllocs()
	for b.Loop() {
		r := tr.Begin("", "")
		if tr.Wants(r, false) {
			b.Fatal("sampled")
		}
		_ = r.Traceparent()
	}
}
