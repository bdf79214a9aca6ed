package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

func TestEqualPoliciesShareAnEngine(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	var file strings.Builder
	file.WriteString("routes:\n")
	for i := range 200 {
		fmt.Fprintf(&file, "  - { id: r%d, hosts: [r%[1]d.test], policy: %s, upstreams: [{ id: a }] }\n", i, []string{"one", "same", "other"}[i%3])
	}
	fmt.Fprintf(&file, `
upstreams:
  - { id: a, endpoints: ["%s"] }
policies:
  - { id: one, thresholds: { inbound: 4 } }
  - { id: same, thresholds: { inbound: 4 }, block: { status: 418 } }
  - { id: other, thresholds: { inbound: 3 } }
`, back.url())
	w := tier.Start(t, tier.RouteFile(t, file.String()))
	if n := w.Metric("wafer_engines"); n != 2 {
		t.Errorf("%v engines, want 2", n)
	}
	for i, status := range []int{403, 418, 403} { // one engine, and yet each policy's own answer
		get(t, w, fmt.Sprintf("r%d.test", i), "/?q="+injection).wantStatus(t, status)
		get(t, w, fmt.Sprintf("r%d.test", 195+i), "/").wantStatus(t, 200)
	}
}
