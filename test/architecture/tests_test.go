package architecture

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// command is one "go test" of the Makefile.
type command struct {
	module    string // its folder
	race      bool
	run, skip *regexp.Regexp // of names; nil: all are run, none is skipped
	packages  []string       // folders, or folders and everything below: test/...
}

// runs reports whether the command runs the tests with that name in a file of the module.
func (c command) runs(t *testing.T, module, folder, file, name string) bool {
	t.Helper()
	if c.module != module || c.run != nil && !c.run.MatchString(name) || c.skip != nil && c.skip.MatchString(name) {
		return false
	}
	if !slices.ContainsFunc(c.packages, func(p string) bool {
		above, all := strings.CutSuffix(p, "...")
		return p == folder || all && strings.HasPrefix(folder+"/", strings.TrimPrefix(above, "./"))
	}) {
		return false
	}
	tags := build.Default
	if c.race {
		tags.BuildTags = []string{"race"}
	}
	ok, err := tags.MatchFile(filepath.Join(root, folder), file)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

var (
	goTest = regexp.MustCompile(`^(?:cd (\S+) && )?(?:\w+=(?:'[^']*'|\S*) )*go test (.*)$`)
	word   = regexp.MustCompile(`(?:[^\s']|'[^']*')+`)
)

// makefile returns what targets of the Makefile do, as far as it is "go test".
func makefile(t *testing.T, targets ...string) []command {
	t.Helper()
	dry := exec.Command("make", append([]string{"-n", "--no-print-directory", "-C", root}, targets...)...)
	dry.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=") // this may be make's own doing
	out, err := dry.Output()
	if err != nil {
		t.Fatalf("make -n %v: %v\n%s", targets, err, out)
	}
	var commands []command
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if m := goTest.FindStringSubmatch(line); m != nil {
			commands = append(commands, parseCommand(t, path.Clean(m[1]), m[2]))
		} else if strings.Contains(line, "go test ") && !strings.HasPrefix(line, "echo ") {
			t.Fatalf("not a go test that can be read: %s", line)
		}
	}
	return commands
}

// parseCommand reads what stands behind "go test" in a folder that is a module's.
func parseCommand(t *testing.T, dir, args string) command {
	t.Helper()
	c := command{module: dir}
	words := word.FindAllString(args, -1)
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case w == "-race":
			c.race = true
		case w == "-run":
			i++
			c.run = regexp.MustCompile(strings.Trim(words[i], "'"))
		case w == "-skip":
			i++
			c.skip = regexp.MustCompile(strings.Trim(words[i], "'"))
		case w == "-timeout", w == "-p":
			i++
		case w == "-v", w == "-short", strings.HasPrefix(w, "-count="):
		case strings.HasPrefix(w, "-"):
			t.Fatalf("a flag of go test that can leave tests out? %s in %s", w, args)
		case w == module, strings.HasPrefix(w, module+"/"):
			c.packages = append(c.packages, path.Clean(strings.TrimPrefix(strings.TrimPrefix(w, module), "/")))
		default:
			c.packages = append(c.packages, path.Join(dir, w))
		}
	}
	return c
}

// TestEveryTestRuns holds the Makefile to the tests: each is run by make test, and by make test-full, or
// by the target that is there for it. A pattern that leaves a test out must not leave it out everywhere.
func TestEveryTestRuns(t *testing.T) {
	for _, all := range []string{"test", "test-full"} {
		t.Run(all, func(t *testing.T) { everyTestRuns(t, makefile(t, all, "soak", "e2e")) })
	}
}

func everyTestRuns(t *testing.T, commands []command) {
	t.Helper()
	found := 0
	for folder, files := range testFiles(t) {
		module := folder
		for module != "." && !exists(filepath.Join(root, module, "go.mod")) {
			module = path.Dir(module)
		}
		for file, names := range files {
			for _, name := range names {
				found++
				if !slices.ContainsFunc(commands, func(c command) bool { return c.runs(t, module, folder, file, name) }) {
					t.Errorf("%s/%s: no target of the Makefile runs %s", folder, file, name)
				}
			}
		}
	}
	if found < 300 {
		t.Errorf("found only %d tests", found)
	}
}

// TestCommands has commands run what they should.
func TestCommands(t *testing.T) {
	f := func(args, folder, file, name string, want bool) {
		t.Helper()
		c := parseCommand(t, ".", args)
		if got := c.runs(t, ".", folder, file, name); got != want {
			t.Errorf("go test %s: runs %s of %s: %v, want %v", args, name, folder, got, want)
		}
	}
	f("./...", "audit", "log_test.go", "TestHostileText", true)
	f("-race ./waf/... ./wire", "audit", "log_test.go", "TestHostileText", false)
	f("-race ./waf/... ./wire", "wire", "time_test.go", "TestBodySilence", true)
	f("-race ./waf/... ./wire", "waf", "hostile_test.go", "TestHostile", true)
	f("-race ./waf/... ./wire", "waf/screen", "memory_test.go", "TestMemory", true)
	f("-skip '^Test(Hostile|Sound)' "+module+"/audit", "audit", "log_test.go", "TestHostileText", false)
	f("-run '^Test(Hostile|Sound)' "+module+"/audit", "audit", "log_test.go", "TestHostileText", true)
	f("-run '^Test(Hostile|Sound)' "+module+"/audit", "audit", "log_test.go", "TestLog", false)
	f("./...", "proxy", "alloc_test.go", "TestAllocations", true)
	f("-race ./...", "proxy", "alloc_test.go", "TestAllocations", false) // built without the race detector only
}

// TestEveryVariableIsSet holds the Makefile to the variables that have tests skip themselves.
func TestEveryVariableIsSet(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`Getenv\("(WAFER_TEST_\w+)"\)`)
	for folder, files := range testFiles(t) {
		for file := range files {
			source, err := os.ReadFile(filepath.Join(root, folder, file))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range variable.FindAllStringSubmatch(string(source), -1) {
				if !strings.Contains(string(text), m[1]+"=") {
					t.Errorf("%s/%s asks for %s, which no target of the Makefile sets", folder, file, m[1])
				}
			}
		}
	}
}

// TestShortSkipsNothing refuses tests that skip themselves with -short, which make test says: there they may
// do less, but each kind of check is made.
func TestShortSkipsNothing(t *testing.T) {
	for folder, files := range testFiles(t) {
		for file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, folder, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				branch, ok := n.(*ast.IfStmt)
				if !ok || !mentions(branch.Cond, "testing", "Short") {
					return true
				}
				if mentions(branch.Body, "t", "Skip") || mentions(branch.Body, "t", "SkipNow") || mentions(branch.Body, "t", "Skipf") {
					t.Errorf("%s/%s skips a test with -short; take a smaller sample", folder, file)
				}
				return true
			})
		}
	}
}

// mentions reports whether pkg.name stands somewhere in a node.
func mentions(n ast.Node, pkg, name string) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		found = found || n != nil && isSelector(n, pkg, name)
		return !found
	})
	return found
}

// TestNoTestMeasures refuses tests that look at a clock which the speed of the machine moves. In a
// bubble of testing/synctest it does not; benchmarks may.
func TestNoTestMeasures(t *testing.T) {
	may := map[string]string{
		"test/cluster": "needs a cluster, and asks for half a minute",
		"test/soak":    "latencies are asserted in make soak, and logged otherwise",
		"test/access":  "counts what passes, and how much that may be depends on how long it was asked for",
		"test/crs":     "tells how long the suite took",
		"test/faults":  "tells how long faults take, and asserts none of it",
	}
	for folder, files := range testFiles(t) {
		for file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, folder, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			bubble := slices.ContainsFunc(parsed.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing/synctest"` })
			if bubble || may[folder] != "" {
				continue
			}
			for _, decl := range parsed.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok || slices.ContainsFunc(f.Type.Params.List, func(p *ast.Field) bool { return isSelector(p.Type, "testing", "B") }) {
					continue
				}
				ast.Inspect(f, func(n ast.Node) bool {
					if isSelector(n, "time", "Since") || isSelector(n, "time", "Until") {
						t.Errorf("%s/%s: %s measures time; count something, use a testing/synctest bubble, or write a benchmark", folder, file, f.Name.Name)
					}
					return true
				})
			}
		}
	}
}

// isSelector reports whether n is pkg.name, or a pointer to it.
func isSelector(n ast.Node, pkg, name string) bool {
	if star, ok := n.(*ast.StarExpr); ok {
		n = star.X
	}
	s, ok := n.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// testFiles returns the names of the tests, fuzz tests and examples of each file, by folder, as
// "go test" finds them.
func testFiles(t *testing.T) map[string]map[string][]string {
	t.Helper()
	found := map[string]map[string][]string{}
	test := regexp.MustCompile(`^(Test|Fuzz|Example)($|[^a-z])`)
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() {
			if file != root && (name == "testdata" || name == "bin" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !isTest(file) {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		folder = filepath.ToSlash(folder)
		if found[folder] == nil {
			found[folder] = map[string][]string{}
		}
		names := []string{}
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && test.MatchString(f.Name.Name) && f.Name.Name != "TestMain" {
				names = append(names, f.Name.Name)
			}
		}
		found[folder][d.Name()] = names
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
