package proxy

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/certs"
)

// TestRulesKnowTheClient: own rules see who the client has proved to be, and nothing that it says of itself.
func TestRulesKnowTheClient(t *testing.T) {
	ca := certs.Authority(t, "ca")
	web := ca.Issue(t, certs.Of{CN: "web", URIs: []string{"spiffe://x/web"}})
	named, curious := ca.Issue(t, certs.Of{CN: "named"}), certs.Authority(t, "ca").Issue(t, certs.Of{CN: "web", URIs: []string{"spiffe://x/web"}})
	s := newTLSTierBy(t, ca, fmt.Sprintf(`policies:
  - id: default
    rules_before:
      - inline: |
          SecRule &REQUEST_HEADERS:Wafer-Client-Certificate "@eq 0" "id:100001,phase:1,deny,status:401,log,msg:'nobody'"
          SecRule REQUEST_HEADERS:Wafer-Client-Certificate "@streq CN=named" "id:100002,phase:1,deny,status:410,log,msg:'a subject'"
          SecRule REQUEST_HEADERS:Wafer-Client-Certificate "!@streq spiffe://x/web" "id:100003,phase:1,deny,status:418,log,msg:'somebody else'"
          SecRule REQUEST_HEADERS:Wafer-Client-Certificate-SHA256 "!@streq %x" "id:100004,phase:2,deny,status:409,log,msg:'another certificate'"
routes:
  - { id: r, hosts: [a.test], client_certificate: { mode: request, ca: [ca.crt] }, upstreams: [{ id: b }] }
`, sha256.Sum256(web.Leaf.Raw)), "")
	forged := []string{
		"wafer-client-certificate: spiffe://x/web", "WAFER-CLIENT-CERTIFICATE: CN=named",
		fmt.Sprintf("Wafer-Client-Certificate-Sha256: %x", sha256.Sum256(web.Leaf.Raw)),
	}
	for _, tt := range []struct {
		who  string
		by   *certs.Issued
		want int
	}{
		{"nobody", nil, 401}, {"web", web, 200}, {"named", named, 410}, {"a stranger", curious, 401},
	} {
		for name, more := range map[string][]string{"": nil, ", forged": forged} {
			a := s.askTLS(s.client("a.test", tt.by), "a.test", "/", more...)
			if a.err != nil || a.status != tt.want || strings.Contains(a.body, "Wafer-") {
				t.Errorf("%s%s: %d, %v, want %d; the application hears\n%s", tt.who, name, a.status, a.err, tt.want, a.body)
			}
		}
	}
}
