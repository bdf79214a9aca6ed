package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	checkGood = `routes:
  - { id: shop, policy: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["http://a.invalid:80"] }
policies:
  - id: shop
    rules_before:
      - inline: SecRule ARGS "@pmFromFile words.txt" "id:100001,phase:2,deny"
`
	checkBad = `routes:
  - { id: shop, policy: shop, paths: [/admin], upstreams: [a] }
upstreams:
  - { id: a, endpoints: ["http://a.invalid:80"] }
policies:
  - id: shop
    paranoia: 2
    rules_before:
      - inline: |
          # two of them
          SecRule ARGZ "a" "id:100001,phase:2,deny"

          SecRule ARGS "@containss a" "id:100002,phase:2,deny"
`
	checkBoot = "routes: routes.yaml\nlimits: { head: 8KiB }\n"
)

// checkDir makes files to check.
func checkDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	indented := "    " + strings.ReplaceAll(strings.TrimSuffix(checkBad, "\n"), "\n", "\n    ") + "\n"
	for name, text := range map[string]string{
		"good.yaml": checkGood, "bad.yaml": checkBad, "words.txt": "forbidden\n",
		"double.yaml": strings.Replace(checkGood, "rules_before:\n", "rules_before:\n      - inline: |\n          # twice\n"+
			"          SecRule ARGS \"@rx a\" \"id:100001,phase:2,deny\"\n", 1),
		"boot.yaml": checkBoot, "badboot.yaml": "listen: 8080\nlimits: { haed: 1KiB }\n",
		"manifest.yaml": "apiVersion: v1\nkind: Service\nmetadata: { name: s }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: wafer }\ndata:\n  other.txt: x\n  routes.yaml: |\n" + indented,
		"nothing.yaml":  "apiVersion: v1\nkind: Service\nmetadata: { name: s }\n",
		"split/a.yaml":  "routes:\n  - { id: shop, upstreams: [{ id: a }] }\n",
		"split/b.yaml":  "upstreams:\n  - { id: a, endpoints: [\"http://a.invalid:80\"] }\n",
		"twice/a.yaml":  "routes:\n  - { id: shop, upstreams: [{ id: a }] }\n",
		"twice/b.yaml":  "routes:\n  - { id: shop, hosts: [b], upstreams: [{ id: a }] }\nupstreams:\n  - { id: a, endpoints: [\"http://a.invalid:80\"] }\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestCheckInputs checks all that "wafer check" takes: what is wrong is told at its own line, all at once.
func TestCheckInputs(t *testing.T) {
	t.Parallel()
	dir := checkDir(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	f := func(name string, wantCode int, stdin string, args []string, want ...string) {
		t.Helper()
		code, stdout, stderr := command(t, stdin, append([]string{"check"}, args...)...)
		if code != wantCode {
			t.Errorf("%s: exit code %d, want %d", name, code, wantCode)
		}
		for _, w := range want {
			if !strings.Contains(stdout+stderr, w) {
				t.Errorf("%s: does not say %q:\n%s%s", name, w, stdout, stderr)
			}
		}
	}
	bad := func(file string, offset func(int) string) []string {
		return []string{
			file + offset(2) + `routes[0].paths[0]: want a mapping, got a string: write { prefix: /admin }`,
			file + offset(2) + `routes[0].upstreams[0]: want a mapping, got a string: write { id: a }`,
			file + offset(7) + `policies[0].paranoia: want a mapping, got a number: write { blocking: 2 }`,
			file + offset(11) + `policies[0].rules_before[0]: there is no variable ARGZ: did you mean "ARGS"?`,
			file + offset(13) + `policies[0].rules_before[0]: there is no operator @containss: did you mean "contains"?`,
		}
	}
	line := func(more int) func(int) string {
		return func(n int) string { return ":" + strconv.Itoa(n+more) + ": " }
	}
	f("a file", 0, "", []string{at("good.yaml")}, at("good.yaml")+": ok: 1 routes", "proof: 20 of 20 attacks stopped by rule 949110")
	f("shape and rules at once", 1, "", []string{at("bad.yaml")}, bad(at("bad.yaml"), line(0))...)
	f("standard input", 1, checkBad, []string{"-"}, bad("stdin", line(0))...)
	f("a manifest", 1, "", []string{at("manifest.yaml")}, bad(at("manifest.yaml"), line(10))...)
	f("a manifest with routes that are no YAML", 1, "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: w }\ndata:\n  routes.yaml: |\n    routes:\n      - id: a\n       hosts: [x]\n",
		[]string{"-"}, "stdin:8: not valid YAML")
	f("a manifest without routes", 1, "", []string{at("nothing.yaml")}, at("nothing.yaml")+": no route file or boot file in it: Service")
	f("a manifest without routes among others", 0, "", []string{at("nothing.yaml"), at("good.yaml")},
		at("nothing.yaml")+": no route file or boot file in it: Service", at("good.yaml")+": ok")
	f("a boot file in a manifest", 1, "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: w }\ndata:\n  wafer.yaml: |\n    listen: 8080\n",
		[]string{"-"}, "stdin:6: listen: want a string, got a number")
	f("a rule id in two texts", 1, "", []string{at("double.yaml")},
		at("double.yaml")+":11: policies[0].rules_before[1]: id 100001 is used twice, first in "+at("double.yaml")+":10")
	f("a boot file", 0, "", []string{at("boot.yaml")}, at("boot.yaml")+": ok: a boot file")
	f("a bad boot file", 1, "", []string{at("badboot.yaml")}, at("badboot.yaml")+`:1: listen: want a string, got a number`, `:2: limits.haed: unknown key: did you mean "head"?`)
	f("several files", 1, "", []string{at("good.yaml"), at("bad.yaml"), at("boot.yaml"), at("badboot.yaml")},
		at("good.yaml")+": ok", at("bad.yaml")+":7: ", at("boot.yaml")+": ok", at("badboot.yaml")+":1: ")
	f("a directory", 0, "", []string{at("split")}, at("split")+": ok: 1 routes, 1 upstreams")
	f("a pattern", 0, "", []string{at("split/*.yaml")}, ": ok: 1 routes, 1 upstreams")
	f("an id in two files", 1, "", []string{at("twice")}, at("twice/b.yaml")+`:2: routes[0].id: "shop" is used twice, first by routes[0] (`+at("twice/a.yaml")+":2)")
	f("another output", 1, "", []string{"--output", "xml", at("good.yaml")}, "write one of text, json, sarif")
	f("a flag that is not there", 1, "", []string{"--outputs", "json", at("good.yaml")}, "unknown flag: --outputs: did you mean --output?")
	f("the version", 1, "", []string{"--version"}, "unknown flag: --version: write wafer version")
}

// TestCheckOutputs reads what is written for programs.
func TestCheckOutputs(t *testing.T) {
	t.Parallel()
	dir := checkDir(t)
	code, stdout, stderr := command(t, "", "check", "-o", "json", filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml"))
	var report struct {
		Files []struct {
			File, Kind string
			OK         bool
			Problems   []struct {
				File, Path, What string
				Line             int
			}
			Configuration *struct {
				Policies []struct {
					Proof []struct {
						Attack, By string
						Rule       int
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != 1 || stderr != "" || len(report.Files) != 2 {
		t.Fatalf("%v, code %d, %s%s", err, code, stdout, stderr)
	}
	good, bad := report.Files[0], report.Files[1]
	if !good.OK || good.Configuration == nil || len(good.Configuration.Policies[0].Proof) != 20 || good.Configuration.Policies[0].Proof[0].Rule != 949110 {
		t.Errorf("good: %+v", good)
	}
	if bad.OK || bad.Configuration != nil || len(bad.Problems) != 5 || bad.Problems[4].Line != 13 || bad.Problems[4].Path != "policies[0].rules_before[0]" {
		t.Errorf("bad: %+v", bad)
	}

	code, stdout, stderr = command(t, "", "check", "-o", "sarif", filepath.Join(dir, "bad.yaml"))
	var sarif struct {
		Version string
		Runs    []struct {
			Results []struct {
				RuleID, Level string
				Message       struct{ Text string }
				Locations     []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &sarif); err != nil || code != 1 || stderr != "" || sarif.Version != "2.1.0" || len(sarif.Runs) != 1 || len(sarif.Runs[0].Results) != 5 {
		t.Fatalf("%v, code %d, %s%s", err, code, stdout, stderr)
	}
	r := sarif.Runs[0].Results[4]
	at := r.Locations[0].PhysicalLocation
	if r.Level != "error" || at.Region.StartLine != 13 || at.ArtifactLocation.URI != filepath.Join(dir, "bad.yaml") || !strings.Contains(r.Message.Text, "containss") {
		t.Errorf("got %+v", r)
	}
}
