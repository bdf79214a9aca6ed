package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/mmdb"
	"go.yaml.in/yaml/v3"
)

// yaml has the binary check a block as a route file, whole or completed; a boot file is loaded, and a
// manifest has to be an object of its kind.
func (s *sandbox) yaml(t *testing.T, text string) {
	t.Helper()
	text = dedent(text)
	var m map[string]any
	if err := yaml.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	_, isRoutes := m["routes"].([]any)
	_, isAccess := m["access"].([]any)
	switch {
	case m["kind"] == "Kustomization":
		return // rendered in test/cluster
	case m["kind"] != nil:
		if _, err := s.cluster.change("apply", []byte(text), "default"); err != nil {
			t.Error(err)
		}
	case s.areValues(t, m):
		s.values(t, text)
	case isRoutes || isAccess || m["lists"] != nil || m["policies"] != nil || m["upstreams"] != nil:
		s.wafer(t, complete(t, m), text)
	case isBoot(t, m):
		checkBoot(t, text)
	default:
		s.fragment(t, m)
	}
}

// dedent takes the indentation of the first line from all.
func dedent(text string) string {
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], indent)
	}
	return strings.Join(lines, "\n")
}

// complete adds what a part of a route file leaves to the reader: the upstreams and policies that it names,
// and, to policies alone, a route for each.
func complete(t *testing.T, m map[string]any) string {
	t.Helper()
	list := func(key string) []any { l, _ := m[key].([]any); return l }
	has := func(key string, id any) bool {
		for _, v := range list(key) {
			if v.(map[string]any)["id"] == id {
				return true
			}
		}
		return false
	}
	if len(list("routes")) == 0 {
		for _, p := range list("policies") {
			id := p.(map[string]any)["id"]
			m["routes"] = append(list("routes"), map[string]any{"id": id, "hosts": []any{id}, "policy": id, "upstreams": []any{map[string]any{"id": "app"}}})
		}
		if len(list("policies")) == 0 && len(list("access"))+len(list("lists")) > 0 {
			m["routes"] = []any{map[string]any{"id": "a", "upstreams": []any{map[string]any{"id": "app"}}}}
		}
	}
	for _, r := range list("routes") {
		route := r.(map[string]any)
		ups, _ := route["upstreams"].([]any)
		for _, u := range ups {
			if id := u.(map[string]any)["id"]; !has("upstreams", id) {
				m["upstreams"] = append(list("upstreams"), map[string]any{"id": id, "endpoints": []any{"http://app:8080"}})
			}
		}
		if id := route["policy"]; id != nil && id != "default" && !has("policies", id) {
			m["policies"] = append(list("policies"), map[string]any{"id": id})
		}
	}
	text, err := yaml.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fragment checks keys of one policy or of one route, whichever it is.
func (s *sandbox) fragment(t *testing.T, m map[string]any) {
	t.Helper()
	route := map[string]any{"id": "a", "upstreams": []any{map[string]any{"id": "app"}}}
	if _, ok := m["redirect"]; ok {
		delete(route, "upstreams")
	}
	policy := map[string]any{"id": "a"}
	for k, v := range m {
		route[k], policy[k] = v, v
	}
	asPolicy := s.problems(t, complete(t, map[string]any{"policies": []any{policy}}))
	if asPolicy == "" {
		return
	}
	if asRoute := s.problems(t, complete(t, map[string]any{"routes": []any{route}})); asRoute != "" {
		t.Errorf("neither part of a policy:\n%s\nnor of a route:\n%s", asPolicy, asRoute)
	}
}

// wafer wants "wafer check" to take a route file.
func (s *sandbox) wafer(t *testing.T, completed, text string) {
	t.Helper()
	if found := s.problems(t, completed); found != "" {
		t.Errorf("%s\nof\n%s", found, text)
	}
}

// problems runs "wafer check" on a route file and returns what it finds.
func (s *sandbox) problems(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(s.dir, "block.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file)
	for _, folder := range []string{"rules", "secrets", "clients", "lists", "geo"} {
		if err := os.MkdirAll(filepath.Join(s.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, "secrets/origin-key"), []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "clients/ca.crt"), certs.Authority(t, "clients").Cert(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "lists/crawlers.txt"), []byte("203.0.113.0/24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, record := range map[string]mmdb.Record{
		"country": {"country": mmdb.Record{"iso_code": "DE"}}, "asn": {"autonomous_system_number": uint32(64496)},
	} {
		if err := os.WriteFile(filepath.Join(s.dir, "geo", name+".mmdb"), mmdb.Write(name, map[string]mmdb.Record{"198.51.100.0/24": record}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rules, err := os.ReadFile(filepath.Join(root, "examples/rules/shop.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "rules/shop.conf"), rules, 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), filepath.Join(s.dir, "bin", "wafer"), "check", file)
	c.Env = s.env
	if out, err := c.CombinedOutput(); err != nil {
		return string(out)
	}
	return ""
}

// isBoot tells whether all keys are those of a boot file, and not the one that routes have, too.
func isBoot(t *testing.T, m map[string]any) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "schema/boot.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct{ Properties map[string]any }
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for key := range m {
		if schema.Properties[key] == nil {
			return false
		}
	}
	return len(m) > 1 || len(m) == 1 && m["limits"] == nil
}

// checkBoot loads a boot file, or a part of one, which need not say where routes come from.
func checkBoot(t *testing.T, text string) {
	t.Helper()
	var m map[string]any
	if err := yaml.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	environ := []string{}
	if m["routes"] == nil && m["to"] == nil {
		environ = append(environ, "WAFER_ROUTES="+os.DevNull)
	}
	file := filepath.Join(t.TempDir(), "wafer.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.LoadBoot(nil, append(environ, "WAFER_CONFIG="+file)); err != nil {
		t.Error(err)
	}
}
