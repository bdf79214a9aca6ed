package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// writeFiles makes files below a new directory, of pairs of name and content.
func writeFiles(t *testing.T, pairs ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		name := filepath.Join(dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(pairs[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	someRoutes    = "routes:\n  - { id: a, policy: own, upstreams: [{ id: app }] }\n"
	someUpstreams = "upstreams:\n  - { id: app, endpoints: [\"http://app:80\"] }\n"
	somePolicies  = "policies:\n  - id: own\n    rules_before: [{ file: rules/own.conf }]\n"
)

// TestSplit reads a configuration of several files: of a directory, and of a pattern.
func TestSplit(t *testing.T) {
	dir := writeFiles(t,
		"10-routes.yaml", someRoutes, "20-upstreams.yml", someUpstreams, "policies.yaml", somePolicies,
		"rules/own.conf", "SecAction x", "rules/other.yaml", "not one of them", ".hidden.yaml", "nor this", "README.md", "nor this")
	for _, path := range []string{dir, filepath.Join(dir, "*.y*ml")} {
		r, err := LoadRoutes(path)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range r.Files {
			rel, _ := filepath.Rel(dir, f.Path)
			names = append(names, rel)
		}
		if want := []string{"10-routes.yaml", "20-upstreams.yml", "policies.yaml", "rules/own.conf"}; !slices.Equal(names, want) {
			t.Errorf("%s: files %q, want %q", path, names, want)
		}
		if len(r.Routes) != 1 || len(r.Upstreams) != 1 || len(r.Policies) != 1 || r.Policies[0].RulesBefore[0].Inline != "SecAction x" {
			t.Errorf("%s: %+v", path, r)
		}
		if p := r.At("policies[0].rules_before[0]"); p.Line != 3 || filepath.Base(p.File) != "policies.yaml" {
			t.Errorf("%s: policies[0].rules_before[0] is at %+v", path, p)
		}
	}
}

// TestSplitProblems wants each problem in the file it is in, by the key path that it has there.
func TestSplitProblems(t *testing.T) {
	f := func(name string, want []string, pairs ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			dir := writeFiles(t, pairs...)
			_, err := LoadRoutes(dir)
			if err == nil {
				t.Fatal("no error")
			}
			if got := strings.Split(strings.ReplaceAll(strings.ReplaceAll(err.Error(), dir+"/", ""), dir, "DIR"), "\n"); !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
	f("the same id twice", []string{
		`b.yaml:2: routes[0].id: "a" is used twice, first by routes[0] (a.yaml:2)`,
		`c.yaml:3: upstreams[1].id: "app" is used twice, first by upstreams[0]`,
	}, "a.yaml", "routes:\n  - { id: a, upstreams: [{ id: app }] }\n", "b.yaml", "routes:\n  - { id: a, hosts: [b], upstreams: [{ id: app }] }\n",
		"c.yaml", someUpstreams+"  - { id: app, endpoints: [\"http://other:80\"] }\n")
	f("in the second file", []string{
		`b.yaml:3: routes[1].timeouts.idle: -1s is negative`,
		`b.yaml:4: routes[2].policy: no policy "non"`,
		`b.yaml:5: routes[3].upstreams[0].id: no upstream "ap": did you mean "app"?`,
		`b.yaml:6: routes[4].wbsocket: unknown key: did you mean "websocket"? known keys: ` + strings.Join(keysOf(reflect.TypeFor[Route]()), ", "),
	}, "a.yaml", strings.ReplaceAll(someRoutes, "policy: own, ", "")+someUpstreams, "b.yaml", `routes:
  - { id: b, hosts: [b], upstreams: [{ id: app }] }
  - { id: c, hosts: [c], timeouts: { idle: -1s }, upstreams: [{ id: app }] }
  - { id: d, hosts: [d], policy: non, upstreams: [{ id: app }] }
  - { id: e, hosts: [e], upstreams: [{ id: ap }] }
  - { id: f, hosts: [f], wbsocket: allow, upstreams: [{ id: app }] }
`)
	f("a file that cannot be read as YAML says nothing of the others", []string{
		"b.yaml:1: not valid YAML: did not find expected node content",
	}, "a.yaml", someRoutes, "b.yaml", "upstreams: [")
	f("nothing there", []string{"read route file: " + "DIR: no route file in the directory: they end in .yaml or .yml"}, "README.md", "x")
}

// TestOutside takes values from variables and files.
func TestOutside(t *testing.T) {
	t.Setenv("WAFER_TEST_HOST", "shop.example")
	t.Setenv("WAFER_TEST_WEIGHT", "7")
	t.Setenv("WAFER_TEST_TIMEOUT", "5s")
	t.Setenv("WAFER_TEST_EMPTY", "")
	dir := writeFiles(t, "routes.yaml", `routes:
  - id: a
    hosts: ["${env:WAFER_TEST_HOST}", "www.${env:WAFER_TEST_HOST}"]
    timeouts: { request: "${env:WAFER_TEST_TIMEOUT}" }
    request_headers: { set: [{ name: X-Key, value: "${file:secrets/key}" }, { name: X-Text, value: "$${env:HOME}" },
      { name: X-Optional, value: "a${env:WAFER_TEST_EMPTY:-}${env:WAFER_TEST_NOWHERE:-}b" }, { name: X-Default, value: "${env:WAFER_TEST_EMPTY:-1:-2}" }] }
    upstreams: [{ id: app, weight: "${env:WAFER_TEST_WEIGHT}" }]
upstreams:
  - { id: app, endpoints: ["http://app:80"] }
policies:
  - id: default
    rules_before: [{ inline: 'SecRule ARGS "@contains ${env:" "id:100001,phase:2,deny"' }]
`, "secrets/key", "s3cret\n")
	source := FileSource(filepath.Join(dir, "routes.yaml"))
	r, err := source.Load()
	if err != nil {
		t.Fatal(err)
	}
	route := r.Routes[0]
	if !slices.Equal(route.Hosts, []string{"shop.example", "www.shop.example"}) || route.Timeouts.Request.Seconds() != 5 || route.Upstreams[0].Weight != 7 ||
		route.RequestHeaders.Set[0].Value != "s3cret" || route.RequestHeaders.Set[1].Value != "${env:HOME}" ||
		route.RequestHeaders.Set[2].Value != "ab" || route.RequestHeaders.Set[3].Value != "1:-2" || !strings.Contains(r.Policies[0].RulesBefore[0].Inline, "${env:") {
		t.Errorf("got %+v", route)
	}
	digest := r.Digest()
	t.Setenv("WAFER_TEST_HOST", "other.example")
	if r, err = source.Load(); err != nil || r.Digest() == digest {
		t.Errorf("another value has the same digest (%v)", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets/key"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !source.Changed() {
		t.Error("a file that gives a value has changed, and nobody noticed")
	}
}

// TestOutsideProblems says what is wrong with values from elsewhere.
func TestOutsideProblems(t *testing.T) {
	t.Setenv("WAFER_TEST_EMPTY", "")
	for value, want := range map[string]string{
		"${env:WAFER_TEST_NOWHERE}":  "${env:WAFER_TEST_NOWHERE}: the variable is not set",
		"${env:WAFER_TEST_EMPTY}":    "${env:WAFER_TEST_EMPTY}: the variable is empty: write ${env:WAFER_TEST_EMPTY:-} if it may be",
		"a${env:WAFER_TEST_EMPTY}":   "${env:WAFER_TEST_EMPTY}: the variable is empty",
		"${file:empty}":              "${file:empty}: the file is empty",
		"${file:none}":               "${file:none}: read none: no such file or directory",
		"${file:../key}":             `${file:../key}: "../key" must be a relative path that stays below the route file's directory`,
		"${SHOP}":                    "${SHOP} is not replaced: write ${env:SHOP} for the value of a variable, ${file:…} for what is in a file",
		"a.${SHOP}.example":          "${SHOP} is not replaced: write ${env:SHOP}",
		"${file:routes.yaml}${file}": "${file} is not replaced",
	} {
		dir := writeFiles(t, "routes.yaml", "routes: [{ id: a, hosts: ['"+value+"'], upstreams: [{ id: app }] }]\n"+someUpstreams, "empty", "\n")
		_, err := LoadRoutes(filepath.Join(dir, "routes.yaml"))
		var ps Problems
		if !errors.As(err, &ps) || len(ps) != 1 || ps[0].Path != "routes[0].hosts[0]" || ps[0].Line != 1 || !strings.HasPrefix(ps[0].What, want) {
			t.Errorf("%s: got %v, want %s", value, err, want)
		}
	}
}

// TestBelow reads nothing from outside the directory, nothing that is no file, and nothing without end.
func TestBelow(t *testing.T) {
	outside := writeFiles(t, "secret", "s")
	dir := writeFiles(t, "rules/own.conf", "x", "..data/linked", "y", "large", strings.Repeat("x", maxFile+1))
	for link, to := range map[string]string{"out": filepath.Join(outside, "secret"), "up": "../" + filepath.Base(outside), "in": "..data/linked"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for rel, good := range map[string]bool{
		"rules/own.conf": true, "in": true, "out": false, "up/secret": false, "../" + filepath.Base(outside) + "/secret": false, "rules": false, "large": false,
	} {
		if _, err := (disk{}).below(dir, rel); (err == nil) != good {
			t.Errorf("%s: %v", rel, err)
		}
	}
}

// TestOperatorFiles has files that operators name be a part of the configuration.
func TestOperatorFiles(t *testing.T) {
	dir := writeFiles(t, "routes.yaml", minimal+`policies:
  - id: default
    rules_before:
      - inline: |
          # "@pmFromFile nothing"
          SecRule ARGS "@pmFromFile lists/words.txt" "id:100001,phase:2,deny"
          SecRule ARGS "@pmFromFile @owasp_crs/sql-errors.data" "id:100002,phase:2,deny"
      - file: own.conf
`, "own.conf", "SecRule REMOTE_ADDR \"!@ipMatchFromFile ./lists/addresses.txt\" \"id:100003,phase:1,deny\"\n", "lists/words.txt", "a", "lists/addresses.txt", "10.0.0.1")
	source := FileSource(filepath.Join(dir, "routes.yaml"))
	r, err := source.Load()
	if err != nil {
		t.Fatal(err)
	}
	rules := r.Policies[0].RulesBefore
	if rules[0].Files["lists/words.txt"] != "a" || rules[1].Files["lists/addresses.txt"] != "10.0.0.1" || len(r.Files) != 4 {
		t.Errorf("%+v %+v", rules, r.Files)
	}
	digest := r.Digest()
	if source.Changed() {
		t.Error("changed, but nothing has")
	}
	if err := os.WriteFile(filepath.Join(dir, "lists/addresses.txt"), []byte("10.0.0.2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !source.Changed() {
		t.Error("a list has changed, and nobody noticed")
	}
	if r, err = source.Load(); err != nil || r.Digest() == digest {
		t.Errorf("another list has the same digest (%v)", err)
	}
	if err := os.Remove(filepath.Join(dir, "lists/words.txt")); err != nil {
		t.Fatal(err)
	}
	_, err = source.Load()
	if want := filepath.Join(dir, "routes.yaml") + ":8: policies[0].rules_before[0]: @pmFromFile: read lists/words.txt: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestSourceOfDirectory notices files that come and go.
func TestSourceOfDirectory(t *testing.T) {
	dir := writeFiles(t, "a.yaml", strings.ReplaceAll(someRoutes, "policy: own, ", "")+someUpstreams)
	s := FileSource(dir)
	if _, err := s.Load(); err != nil || s.Changed() {
		t.Fatal(err, s.Changed())
	}
	if err := os.WriteFile(filepath.Join(dir, "b.yaml"), []byte("policies: [{ id: other }]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !s.Changed() {
		t.Error("a new file was not noticed")
	}
	r, err := s.Load()
	if err != nil || len(r.Policies) != 2 || s.Changed() {
		t.Errorf("%v, %d policies, changed %t", err, len(r.Policies), s.Changed())
	}
	if err := os.Remove(filepath.Join(dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	if !s.Changed() {
		t.Error("that a file is gone was not noticed")
	}
}
