package config

import (
	"encoding/json"
	"strings"
	"testing"
)

// What is in force is told in the spelling of the files, and none of its secrets.
func TestEffective(t *testing.T) {
	routes, err := ParseRoutes("routes.yaml", []byte(`
routes:
  - id: shop
    paths: [{ prefix: /a }]
    headers: [{ name: X-Api-Key, exact: s3cret }]
    request_headers: { set: [{ name: Authorization, value: "Bearer s3cret" }] }
    policy: shop
    upstreams: [{ id: a }]
upstreams:
  - { id: a, endpoints: ["http://a.invalid:80"] }
policies:
  - id: shop
    request_body: { limit: 2MiB }
    rules_before:
      - inline: SecRule REQUEST_HEADERS:X-Key "!@streq s3cret" "id:100001,phase:1,deny"
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(Effective(*routes, func(name, value string) string { return "MASKED " + name }))
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for _, want := range []string{
		`"exact":"MASKED X-Api-Key"`, `"value":"MASKED Authorization"`, `"paths":[{"prefix":"/a"}]`, `"limit":"2MiB"`,
		`"timeouts":{"idle":"`, `"endpoints":["http://a.invalid:80"]`, `"early_blocking":false`, `"inline":"[masked `,
		`"request_body.limit":"shop"`, `"weight":1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if strings.Contains(got, "s3cret") {
		t.Errorf("a secret in %s", got)
	}
	boot, err := json.Marshal(Effective(DefaultBoot(), nil))
	if err != nil || !strings.Contains(string(boot), `"timeout":{"body":"`) || !strings.Contains(string(boot), `"head":"`) {
		t.Errorf("%v %s", err, boot)
	}
}
