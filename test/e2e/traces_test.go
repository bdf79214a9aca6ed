package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// TestTraceContext looks at what applications and events are told of a trace. That nobody takes the
// spans makes no difference to either.
func TestTraceContext(t *testing.T) {
	t.Parallel()
	w := tier.Plain(t, tier.RouteFile(t, `
routes: [{ id: shop, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["`+newEcho(t, nil).url()+`"] }]
`), "--trusted-proxies", "127.0.0.2/32", "--traces-endpoint", "http://127.0.0.1:1", "--traces-sample", "0%")
	const (
		theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
		parent = "00-" + theirs + "-00f067aa0ba902b7-01"
	)
	told := regexp.MustCompile(`(?i)\r\ntraceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-0([01])\r\n`)
	for _, c := range []struct {
		name, from, fields string
		believed           bool
		sampled            string
	}{
		{"no parent", "127.0.0.2", "", false, "0"},
		{"a trusted proxy's", "127.0.0.2", parent, true, "1"},
		{"a stranger's", "127.0.0.3", parent, false, "0"},
		{"a trusted proxy's of no form", "127.0.0.2", "00-" + theirs + "-0-01", false, "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fields := []string{"Tracestate: vendor=1", "Baggage: a=1"}
			if c.fields != "" {
				fields = append(fields, "Traceparent: "+c.fields)
			}
			r := dial(t, w.Addr, c.from).send(request("GET", "shop.test", "/", fields...)).reply("GET").wantStatus(t, 200)
			got := told.FindAllStringSubmatch(r.body, -1)
			if len(got) != 1 {
				t.Fatalf("not one traceparent:\n%s", r.body)
			}
			if trace := got[0][1]; (trace == theirs) != c.believed {
				t.Errorf("trace %s, believed should be %v", trace, c.believed)
			}
			if span := got[0][2]; span == "00f067aa0ba902b7" {
				t.Error("the application has the sender's span for a parent, not the tier's")
			}
			if got[0][3] != c.sampled {
				t.Errorf("sampled %s, want %s", got[0][3], c.sampled)
			}
			if passed := strings.Contains(r.body, "vendor=1"); passed != c.believed {
				t.Errorf("tracestate passed: %v\n%s", passed, r.body)
			}
			event := w.Access(r.id)
			if event["trace_id"] != got[0][1] || event["span_id"] == nil || event["span_id"] == got[0][2] {
				t.Errorf("event of trace %v, span %v; the application was told %v", event["trace_id"], event["span_id"], got[0])
			}
		})
	}
	blocked := dial(t, w.Addr, "").send(request("GET", "shop.test", "/?q="+injection)).reply("GET").wantStatus(t, 403)
	if access, security := w.Access(blocked.id), w.Security(blocked.id); access["trace_id"] == nil || access["trace_id"] != security["trace_id"] {
		t.Errorf("access event of trace %v, security event of %v", access["trace_id"], security["trace_id"])
	}
}
