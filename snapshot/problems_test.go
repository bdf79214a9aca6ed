package snapshot_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/snapshot"
)

// TestComplete: what cannot be read is told once, without what only follows from it; mistakes of others, even in the
// next line of the same text, are told beside it.
func TestComplete(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes.yaml")
	text := `routes: [{ id: a, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["http://a:80"] }]
policies:
  - id: shop
    exclusions:
      - 942100
      - { rule: "942100", reason: x }
      - { rules: 942199-942100, reason: x }
      - { rule: 123, path: forum, reason: x }
    rules_before:
      - file: none.conf
      - inline: |
          SecRule ARGS "@pmFromFile none.txt" "id:100001,phase:2,deny"
          SecRule ARGS "@containss x" "id:100002,phase:2,deny"
          SecRule ARGS "@rx (?=x)" "id:100003,phase:2,deny"
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	err := snapshot.Complete(config.LoadRoutes(file))
	want := ""
	for _, line := range []string{
		`6: policies[0].exclusions[0]: want a mapping, got a number: write { rule: 942100, reason: … }`,
		`7: policies[0].exclusions[1].rule: want a whole number, got the string "942100"`,
		`8: policies[0].exclusions[2].rules: "942199-942100" is upside down: write "942100-942199"`,
		`9: policies[0].exclusions[3].path: "forum" must start with "/"`,
		`9: policies[0].exclusions[3].rule: there is no rule 123`,
		`11: policies[0].rules_before[0].file: read none.conf: no such file or directory`,
		`13: policies[0].rules_before[1]: @pmFromFile: read none.txt: no such file or directory`,
		`14: policies[0].rules_before[1]: there is no operator @containss: did you mean "contains"?`,
		`15: policies[0].rules_before[1]: "(?=" is not a regular expression: invalid or unsupported Perl syntax: ` +
			`RE2 has no lookaround, write a second link of the chain for it, with !@rx for what must not be there`,
	} {
		want += "\n" + file + ":" + line
	}
	if err == nil || "\n"+err.Error() != want {
		t.Errorf("got\n%v\nwant%s", err, want)
	}
}
