package snapshot_test

import (
	"strings"
	"testing"
)

// TestOpenQuoting has expressions quote what stands around them: each is refused where it stands, once.
func TestOpenQuoting(t *testing.T) {
	_, err := builtFrom(t, `upstreams: [{ id: a, endpoints: ["http://127.0.0.1:1"] }]
policies: [{ id: default, mode: off }]
routes: [{ id: a, record: heir, upstreams: [{ id: a }] }]
records:
  - { id: base, when: { headers: [{ name: A, exact: b }, { name: B, regex: 'b\Qc' }] } }
  - { id: heir, inherits: base }
`)
	want := `records[0].when.headers[1]: field "B": regex "b\\Qc": close \Q with \E`
	if err == nil || strings.Count(err.Error(), `close \Q`) != 1 || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
