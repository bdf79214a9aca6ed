package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/k8s"
)

var update = flag.Bool("update", false, "write what the commands print into testdata")

// run runs a command in this process.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	c := newCommand()
	c.SetArgs(args)
	c.SetIn(strings.NewReader(stdin))
	c.SetOut(&out)
	c.SetErr(&errs)
	err = c.ExecuteContext(t.Context())
	return out.String(), errs.String(), err
}

// TestGolden runs protect on the cases in testdata: testdata/COMMAND/CASE holds in.yaml, args
// and what is printed, out.yaml and err.txt, whose last line is "exit 1" if the command fails.
// "go test ./cmd/wafer -run Golden -update" writes the latter two.
func TestGolden(t *testing.T) { golden(t, "protect", "k8s", "protect") }

// TestImportedRoutesGolden is the same for what is imported from ingress-nginx, which compiles policies.
func TestImportedRoutesGolden(t *testing.T) {
	golden(t, "import-ingress-nginx", "k8s", "import-ingress-nginx")
}

// TestImportedRoutesOfModSecurity is the same for its files: all of a case but what is printed are given, in the order
// of their names.
func TestImportedRoutesOfModSecurity(t *testing.T) {
	cases, err := filepath.Glob("testdata/import-modsecurity/*")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			given, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil {
				t.Fatal(err)
			}
			given = slices.DeleteFunc(given, func(name string) bool {
				return slices.Contains([]string{"out.yaml", "err.txt", "args"}, filepath.Base(name))
			})
			out, errs, err := run(t, "", slices.Concat([]string{"import", "modsecurity"}, given, arguments(t, dir))...)
			if err != nil {
				errs += err.Error() + "\nexit 1\n"
			}
			compare(t, filepath.Join(dir, "out.yaml"), out)
			compare(t, filepath.Join(dir, "err.txt"), errs)
		})
	}
}

// TestImportedRoutesProof: what was carried whole decides as before; what had to be left out shows.
func TestImportedRoutesProof(t *testing.T) {
	f := func(text, want string, differs bool) {
		t.Helper()
		_, errs, err := run(t, "SecRuleEngine On\nInclude @owasp_crs/*.conf\n"+text, "import", "modsecurity", "-", "--to", "http://app:80", "--prove", "--prove-every", "60")
		if (err != nil) != differs || !strings.Contains(errs, want) {
			t.Errorf("%s: %v\n%s", text, err, errs)
		}
	}
	f("SecRuleUpdateTargetByTag attack-sqli \"!ARGS:comment\"\n", "0 are stopped", false)
	f("SecRuleRemoveById 942000-942999\n", "is stopped: ", true)
}

func golden(t *testing.T, folder string, command ...string) {
	cases, err := filepath.Glob(filepath.Join("testdata", folder, "*", "in.yaml"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("%s: no cases (%v)", folder, err)
	}
	for _, in := range cases {
		dir := filepath.Dir(in)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			args := slices.Concat(command, []string{"-f", in}, arguments(t, dir))
			out, errs, err := run(t, "", args...)
			var said saidError
			if err != nil {
				if !errors.As(err, &said) {
					errs += err.Error() + "\n"
				}
				errs += "exit 1\n"
			}
			compare(t, filepath.Join(dir, "out.yaml"), out)
			compare(t, filepath.Join(dir, "err.txt"), errs)
		})
	}
}

// arguments are the further arguments of a case; DIR stands for its folder.
func arguments(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "args"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(strings.ReplaceAll(string(text), "DIR", dir))
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", file, got)
	}
}

// TestProtectAgain: whoever runs it on what it has printed gets the same once more.
func TestProtectAgain(t *testing.T) {
	for _, in := range protectCases(t) {
		dir := filepath.Dir(in)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			args := arguments(t, dir)
			out, err := os.ReadFile(filepath.Join(dir, "out.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(args, func(a string) bool { return a == "--undo" || a == "--output" || a == "--phase" }) || len(out) == 0 {
				t.Skip("prints no insertion")
			}
			again, errs, err := run(t, string(out), append([]string{"k8s", "protect", "-f", in, "-f", "-"}, args...)...)
			var said saidError
			if err != nil && !errors.As(err, &said) {
				t.Fatalf("%v\n%s", err, errs)
			}
			if withoutComments(again) != withoutComments(string(out)) {
				t.Errorf("the second run prints\n%s", again)
			}
			if !strings.Contains(errs, "leads to the tier already") {
				t.Errorf("the second run does not say that it is one:\n%s", errs)
			}
		})
	}
}

// TestProtectRoutes: the tier takes the routes, alone and in the ConfigMap.
func TestProtectRoutes(t *testing.T) {
	loaded := 0
	load := func(name, text string) {
		t.Helper()
		if _, err := config.ParseRoutes(name, []byte(text), func(string) ([]byte, error) { return nil, nil }); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		loaded++
	}
	for _, in := range protectCases(t) {
		dir := filepath.Dir(in)
		args := slices.DeleteFunc(arguments(t, dir), func(a string) bool { return a == "--undo" })
		out, _, err := run(t, "", append([]string{"k8s", "protect", "-f", in, "--output", "routes"}, args...)...)
		var said saidError
		if err != nil && !errors.As(err, &said) {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out, "routes: []") && !slices.Contains(args, "--policy") { // refused, or defined elsewhere
			load(in, out)
		}
		var printed k8s.Objects
		if err := printed.ReadFiles([]string{filepath.Join(dir, "out.yaml")}, nil); err != nil && !slices.Contains(args, "routes") {
			t.Fatal(err)
		}
		for _, m := range printed.ConfigMaps {
			load(dir+"/out.yaml: "+m.Name, m.Data["routes.yaml"])
		}
	}
	if loaded < 10 {
		t.Errorf("only %d route files were loaded", loaded)
	}
}

// TestImportedRoutes: what is printed is a route file, with the notes on top of it. The command has compiled it.
func TestImportedRoutes(t *testing.T) {
	cases, err := filepath.Glob("testdata/import-ingress-nginx/*/out.yaml")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, file := range cases {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// Certificates are where the tier will run.
		if _, err := config.ParseRoutes(file, text, nil); err != nil {
			t.Error(err)
		}
	}
}

func protectCases(t *testing.T) []string {
	t.Helper()
	cases, err := filepath.Glob("testdata/protect/*/in.yaml")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	return cases
}

func withoutComments(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}
