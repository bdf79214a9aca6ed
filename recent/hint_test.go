package recent

import (
	"net/url"
	"testing"
	"time"
)

// TestOwnLines has hints that say no more than what a line has, and values that look like what hints are found by.
func TestOwnLines(t *testing.T) {
	lines := []string{
		sample,
		`{"time":"2026-11-30T20:15:00.120Z","event":"security","path":"\"id\":1,\"rules\":[{\"id\":2}]","verdict":"block","rules":[{"id":3,"message":"m"}]}`,
		`{"time":"2026-11-30T20:15:00.120Z","event":"access","request_id":"7","verdict":"pass"}`,
		`{"time":"2026-11-30T20:15:00.120Z","event":"security","verdict":"block","rule_id":5,"rules":[]}`,
		`{"event":"security","rules":[{"id":`, `{}`, ``,
	}
	for _, query := range []string{"", "rule=1", "rule=2", "rule=3", "rule=5", "rule=7", "rule=942100", "rule=940000-949999", "rule=1,3"} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		f, err := ParseFilter(q, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		m := f.Matcher()
		for _, line := range lines {
			if got, want := m.matchOwn([]byte(line)), m.Match([]byte(line)); got != want {
				t.Errorf("%s: %v, want %v: %s", query, got, want, line)
			}
		}
	}
	s := NewStore(128 << 10)
	for _, line := range lines {
		s.Add([]byte(line))
	}
	top, err := s.Count(t.Context(), &Filter{}, "rule", 10, time.Minute)
	if err != nil || len(top.Rows) != 3 {
		t.Fatalf("%+v, %v", top, err)
	}
	for _, row := range top.Rows {
		if row.Count != 1 || row.Blocked != 1 || row.First != "2026-11-30T20:15:00.120Z" || row.Last != row.First {
			t.Errorf("%+v", row)
		}
	}
}
