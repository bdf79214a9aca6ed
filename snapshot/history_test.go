package snapshot

import "testing"

// TestHistory tells what changes from one configuration to the next, in records, too.
func TestHistory(t *testing.T) {
	sampled := func(share string) *Snapshot[*Route] {
		return &Snapshot[*Route]{Config: parse(t, `
routes: [{ id: a, record: few, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["http://a:80"] }]
records: [{ id: few, sample: `+share+` }]
`)}
	}
	k := NewKeeper(Options[*Route]{Builder: newTestBuilder()})
	k.remember(Reloaded{}, "file", sampled("1%"), sampled("2%"))
	past := k.History()
	if len(past) != 1 || len(past[0].Changes) != 1 || past[0].Changes[0].Path != "records.few.sample" {
		t.Errorf("%+v", past)
	}
}
