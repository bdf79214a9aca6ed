package k8s

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestStandings names the pods that serve something else than most, and those that refuse their configuration.
func TestStandings(t *testing.T) {
	d := func(c string) string { return strings.Repeat(c, 64) }
	f := func(want string, standings ...string) {
		t.Helper()
		s := newShop("", appSelector, "")
		ready := slices.Repeat([]string{"True"}, len(standings))
		for i, text := range standings {
			if s.serves(i, `[]`); text != "" {
				s.set(fmt.Sprintf("pods/wafer-%d:9090/proxy/api/v1/standing", i), text)
			}
			if strings.Contains(text, "problems") && !strings.Contains(text, "digest") {
				ready[i] = "False"
			}
		}
		s.pods(ready...)
		tiers, err := connectTo(t, s).Tiers(t.Context(), []string{"shop"}, shopTier)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := WriteTiers(&b, tiers); err != nil || strings.TrimSpace(b.String()) != strings.TrimSpace(want) {
			t.Errorf("%v\n%s\nwant\n%s", err, b.String(), want)
		}
		if wrong := len(tiers["shop"].Wrong()); wrong != strings.Count(want, "WRONG") {
			t.Errorf("%d are wrong", wrong)
		}
	}
	serves := func(c, more string) string { return `{"digest":"` + d(c) + `"` + more + `}` }
	f(`
POD OF THE TIER  READY  CONFIGURATION
shop/wafer-0     yes    aaaaaaaaaaaa
shop/wafer-1     yes    aaaaaaaaaaaa
shop/wafer-2     yes    -`, serves("a", ""), serves("a", ""), "")
	f(`
POD OF THE TIER  READY  CONFIGURATION
shop/wafer-0     yes    bbbbbbbbbbbb
shop/wafer-1     yes    aaaaaaaaaaaa
shop/wafer-2     yes    aaaaaaaaaaaa
WRONG: shop/wafer-0 refuses its configuration, and serves the one from before: routes.yaml:3: x; routes.yaml:4: y
WRONG: shop/wafer-0 serves configuration bbbbbbbbbbbb, most pods aaaaaaaaaaaa`,
		serves("b", `,"problems":["routes.yaml:3: x","routes.yaml:4: y"]`), serves("a", ""), serves("a", ""))
	f(`
POD OF THE TIER  READY  CONFIGURATION
shop/wafer-0     yes    aaaaaaaaaaaa
shop/wafer-1     no     -
WRONG: shop/wafer-0 was started with a configuration that is refused, and serves the last good one, from the peer wafer-7: x
WRONG: shop/wafer-1 refuses its configuration, and has none to serve: x`,
		serves("a", `,"problems":["x"],"last_good":"the peer wafer-7"`), `{"problems":["x"]}`)
}
