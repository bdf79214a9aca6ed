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
