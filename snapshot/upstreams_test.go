package snapshot_test

import (
	"strings"
	"testing"
)

// TestUpstreamFiles: what is wrong with an upstream's certificates is told at the key that names the file.
func TestUpstreamFiles(t *testing.T) {
	const routes = "  - { id: a, upstreams: [{ id: a }, { id: b }] }\n"
	const upstreams = "upstreams:\n  - id: a\n    endpoints: [\"http://127.0.0.1:1\"]\n  - id: b\n    endpoints: [\"https://127.0.0.1:1\"]\n    tls:\n"
	for _, tt := range []struct{ tls, want string }{
		{"      ca: [broken.crt]\n", ":7: upstreams[1].tls.ca: no certificate in it"},
		{"      ca: [ca.crt]\n      certificate: { bundle: ca.crt }\n", ":8: upstreams[1].tls.certificate: no key in it"},
	} {
		_, err := builtFrom(t, upstreams+tt.tls+"policies: [{ id: default, mode: off }]\nroutes:\n"+routes)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s%v, want %q", tt.tls, err, tt.want)
		}
	}
}

// TestFilesAtOnce: what is wrong with certificates of clients and of upstreams is told at once, also where something
// else is wrong. Of files that are not there, nothing is said but that.
func TestFilesAtOnce(t *testing.T) {
	const text = `routes:
  - { id: a, client_certificate: { ca: [broken.crt] }, upstreams: [{ id: a }] }
  - { id: b, hosts: [b.test], client_certificate: { ca: [broken.crt, none.crt] }, upstreams: [{ id: b }] }
upstreams:
  - id: a
    endpoints: ["https://127.0.0.1:1"]
    tls:
      ca: [broken.crt]
      certificate: { bundle: ca.crt }
  - id: b
    endpoints: ["https://127.0.0.1:1"]
    tls:
      ca: [none.crt, broken.crt]
      certificate: { bundle: ca.crt }
policies: [{ id: default, mode: off }]
`
	want := []string{
		"2: routes[0].client_certificate.ca[0]: no certificate in it",
		"3: routes[1].client_certificate.ca[1]: read none.crt: no such file",
		"8: upstreams[0].tls.ca: no certificate in it",
		"9: upstreams[0].tls.certificate: no key in it",
		"13: upstreams[1].tls.ca[0]: read none.crt: no such file",
	}
	check := func(text string, want []string) {
		t.Helper()
		_, err := builtFrom(t, text)
		if err == nil {
			t.Fatal("it is built")
		}
		lines := strings.Split(err.Error(), "\n")
		for i, w := range want {
			if i >= len(lines) || !strings.Contains(lines[i], ":"+w) {
				t.Errorf("%v\nwant %s", err, w)
			}
		}
		if len(lines) != len(want) {
			t.Errorf("%v\nwant %d problems", err, len(want))
		}
	}
	check(text, want)
	check(strings.ReplaceAll(strings.ReplaceAll(text, ", none.crt", ""), "none.crt, ", ""), []string{want[0], want[2], want[3], "13: upstreams[1].tls.ca: no certificate in it", "14: upstreams[1].tls.certificate: no key in it"})
}
