package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files of certificates with absolute paths are read where they are, and where they are not, they are those of the tier.
func TestInputReadsCertificatesOfClients(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const routes = "routes: [{ id: a, upstreams: [{ id: b }], client_certificate: { ca: [%s] } }]\n" +
		"upstreams: [{ id: b, endpoints: [\"http://b:80\"] }]\n"
	const here = "an authority"
	ca := put("ca.crt", here)
	for name, tt := range map[string]struct{ ca, want string }{
		"absolute":              {ca, here},
		"absolute, at the tier": {filepath.Join(dir, "gone", "ca.crt"), ""},
		"beside the route file": {"ca.crt", here},
		"nowhere":               {"gone.crt", "routes[0].client_certificate.ca[0]: read gone.crt: "},
		"out of the directory":  {"../ca.crt", "relative path"},
	} {
		t.Run(name, func(t *testing.T) {
			inputs, err := Inputs(put("routes.yaml", fmt.Sprintf(routes, tt.ca)), nil)
			if err != nil || len(inputs) != 1 {
				t.Fatal(inputs, err)
			}
			c, err := inputs[0].Load()
			if err != nil {
				if tt.want == here || tt.want == "" || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %q", err, tt.want)
				}
				return
			}
			got := ""
			for _, text := range c.Routes[0].ClientCertificate.CATexts {
				got += string(text.Data)
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// Databases of places are looked for beside a route file on the disk, and not where only the tier has them.
func TestInputFindsDatabases(t *testing.T) {
	dir := t.TempDir()
	const routes = "routes: [{ id: a, upstreams: [{ id: b }] }]\nupstreams: [{ id: b, endpoints: [\"http://b:80\"] }]\ngeo: { country: %s }\n"
	for name, elsewhere := range map[string]bool{"country.mmdb": false, filepath.Join(dir, "routes.yaml"): false, filepath.Join(dir, "gone"): true} {
		path := filepath.Join(dir, "routes.yaml")
		if err := os.WriteFile(path, fmt.Appendf(nil, routes, name), 0o600); err != nil {
			t.Fatal(err)
		}
		inputs, err := Inputs(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := inputs[0].Load()
		if err != nil {
			t.Fatal(err)
		}
		if c.Geo.Elsewhere != elsewhere {
			t.Errorf("%s: elsewhere %t, want %t", name, c.Geo.Elsewhere, elsewhere)
		}
	}
}
