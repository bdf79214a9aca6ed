package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutputsApart has outputs lead, by names that differ, to what is read, and to each other.
func TestOutputsApart(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"routes.yaml": "routes: []\n", "events.jsonl": "",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("many", 0o700); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link.jsonl": "events.jsonl", "routes.jsonl": "routes.yaml"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ routes, sinks, want string }{
		{"routes.yaml", "{ id: a, file: { path: routes.jsonl } }", "events.sinks[0].file.path: routes.jsonl is read because of routes"},
		{"routes.yaml", "{ id: a, file: { path: " + filepath.Join(here, "routes.yaml") + " } }", "routes.yaml is read because of routes"},
		{"routes.yaml", "{ id: a, file: { path: ./wafer.yaml } }", "./wafer.yaml is the boot file"},
		{"many", "{ id: a, file: { path: many/events.yaml } }", "many/events.yaml is read because of routes"},
		{"many", "{ id: a, file: { path: many/events.jsonl } }", ""},
		{"many/*.jsonl", "{ id: a, file: { path: many/events.jsonl } }", "many/events.jsonl is read because of routes"},
		{"routes.yaml", "{ id: a, file: { path: events.jsonl } }, { id: b, file: { path: link.jsonl } }", "events.sinks[1].file.path: link.jsonl is the file of events.sinks[0].file.path too, by another name"},
		{"routes.yaml", "{ id: routes.yaml, file: { path: events.jsonl } }", ""},
	} {
		text := "routes: \"" + c.routes + "\"\nevents: { sinks: [" + c.sinks + "] }\n"
		if err := os.WriteFile("wafer.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadBoot(nil, []string{"WAFER_CONFIG=wafer.yaml"})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v, want %q", text, err, c.want)
		}
	}
}
