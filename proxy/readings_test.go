package proxy

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/config"
)

func TestReadings(t *testing.T) {
	for _, test := range []struct {
		path string
		want string // one of the readings
	}{
		{"/x/..;/admin", "/admin"},
		{"/x/%2e%2e;a=b/admin", "/admin"},
		{"/.;/admin", "/admin"},
		{"/x/..;%2fadmin", "/admin"},
		{"/x/%252e%252e;/admin", "/admin"},
		{"/admin/../x", "/admin/../x"},
		{"/admin/../x", "/x"},
		{"/admin%00.png", "/admin"},
		{"/admin%0a", "/admin"},
		{"/x/..;/admin%00", "/admin"},
		{"/%u0061dmin", "/admin"},
		{"/adm%zin", "/admzin"},
		{"/x%u002f..%u002f..%u002fadmin", "/admin"},
		{"/%u0061dmin%00x", "/admin"},
	} {
		all, more := readings(test.path)
		if more || !slices.ContainsFunc(all, func(b []byte) bool { return string(b) == test.want }) {
			t.Errorf("%s: is read as %q, more: %v; not as %q", test.path, all, more, test.want)
		}
	}
	for path, want := range map[string]bool{
		"/a/b": false, "/a;b": false, `/a%2fb\c;d//e%252f`: true, "/" + strings.Repeat("a;b", 5000): false,
		"//" + strings.Repeat(`a;b\`, 4000): true, // too long for so many
	} {
		if _, more := readings(path); more != want {
			t.Errorf("%.40q: more readings than are gone through: %v", path, more)
		}
	}
}

// TestRulesKnowAllReadings has a route that lets paths of all kinds through. What a rule denies is denied by each of their
// readings all the same, and let in by none but all.
func TestRulesKnowAllReadings(t *testing.T) {
	c, err := config.ParseRoutes("readings", fmt.Appendf(nil, `
routes:
  - id: denied
    hosts: [denied.test]
    access: denied
    ambiguous_paths: &all [control, dot_segment, double_encoding, empty_segment, encoded_separator, invalid_escape, parameter]
    upstreams: [{ id: b }]
  - { id: open, hosts: [open.test], access: open, ambiguous_paths: *all, upstreams: [{ id: b }] }
upstreams: [{ id: b, endpoints: ["http://%s"] }]
policies: [{ id: default, mode: "off" }]
access:
  - { id: denied, rules: [{ id: admin, when: { paths: [{ prefix: /admin }] }, then: deny }] }
  - { id: open, default: deny, rules: [{ id: public, when: { paths: [{ prefix: /public }] }, then: allow }] }
`, benchBackend(t, "\r\n\r\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, addr := benchProxy(t, c)
	ask := func(host, path string) int {
		t.Helper()
		conn := sendTo(t, addr, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		a, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(path, err)
		}
		_ = a.Body.Close()
		closed(t, conn.Close)
		return a.StatusCode
	}
	many := `/a%2fb\c;d//e%252f`
	for _, path := range []string{
		"/admin", "/x/..;/admin", "/x/%2e%2e;a/admin", "/.;/admin", "/x/..;%2fadmin", "/admin/../x", "/admin%00.png", "/%u0061dmin",
		"/x/..%2fadmin", `/x\..\admin`, "/%2561dmin", "//h/admin", many,
	} {
		if status := ask("denied.test", path); status != http.StatusForbidden {
			t.Errorf("%s, which may be what is denied: %d", path, status)
		}
	}
	for path, want := range map[string]int{
		"/public/x": 200, "/public/a;b": 200, "/public/..;/admin": 403, "/public/.;/x": 200, "/public/a%00": 200, "/public%00": 403, "/x/..;/public": 403,
		"/%u0070ublic": 403, "/public/../admin": 403, many: 403,
	} {
		if status := ask("open.test", path); status != want {
			t.Errorf("%s, where only one folder is open: %d, want %d", path, status, want)
		}
	}
}
