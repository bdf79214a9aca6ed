package config

import (
	"fmt"
	"testing"
)

func TestRecordsInherit(t *testing.T) {
	r := mustParse(t, `
routes: [{ id: a, record: heir, upstreams: [{ id: app }] }, { id: b, hosts: [b.test], upstreams: [{ id: app }] }]
upstreams: [{ id: app, endpoints: ["http://app:80"] }]
records:
  - { id: base, sample: 0.1%, when: { verdicts: [block, would_block], statuses: [5xx] }, parts: [B, K] }
  - { id: heir, inherits: base, when: { verdicts: [drop] }, limits: { request_body: 1KiB } }
`)
	h := r.Records[1]
	got := fmt.Sprint(h.ID, h.Sample, h.When.Verdicts, h.When.Statuses, h.Parts, h.Limits.RequestBody, h.Limits.ResponseBody, r.Routes[0].Record, r.Routes[1].Record)
	if want := "heir0.1% [drop] [5xx] [B K] 1KiB 64KiBheirdefault"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for path, want := range map[string]string{"sample": "base", "when.verdicts": "heir", "when.statuses": "base", "limits.record": "default", "limits.request_body": "heir"} {
		if got := h.Sources[path]; got != want {
			t.Errorf("%s is of %q, want %q", path, got, want)
		}
	}
	if base := r.Records[0]; len(base.When.Verdicts) != 2 || base.Sources["limits.request_body"] != DefaultRecordingID {
		t.Errorf("%+v", base)
	}
}

// TestRecordsInheritLists has an heir replace lists with shorter ones, with other kinds of items and with empty ones.
func TestRecordsInheritLists(t *testing.T) {
	r := mustParse(t, `
routes: [{ id: a, upstreams: [{ id: app }] }]
upstreams: [{ id: app, endpoints: ["http://app:80"] }]
records:
  - id: base
    parts: [B, K, H]
    when:
      verdicts: [block, drop]
      statuses: [4xx, 5xx]
      clients: [192.0.2.1, 192.0.2.2]
      headers: [{ name: A, exact: b }, { name: B, regex: c }]
  - id: heir
    inherits: base
    parts: [C]
    when: { verdicts: [pass], statuses: [200], clients: [192.0.2.3], headers: [{ name: C, regex: d }] }
  - { id: empty, inherits: base, sample: 1%, parts: [], when: { verdicts: [], statuses: [], clients: [], headers: [] } }
`)
	for i, want := range []string{
		"[B K H] [block drop] [4xx 5xx] [192.0.2.1 192.0.2.2] [{A b  false} {B  c false}]",
		"[C] [pass] [200] [192.0.2.3] [{C  d false}]",
		"[] [] [] [] []",
	} {
		e := r.Records[i]
		if got := fmt.Sprint(e.Parts, e.When.Verdicts, e.When.Statuses, e.When.Clients, e.When.Headers); got != want {
			t.Errorf("%s: %s, want %s", e.ID, got, want)
		}
	}
}
