// Package architecture holds the layout of the tree to the table in docs/architecture.md: what
// the table says is what the imports are, what the linter enforces and what a reader finds.
package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	module = "github.com/wafer-waf/wafer"
	root   = "../.."
	doc    = "docs/architecture.md"
)

// row is one line of the table: what a package may import. A nil list means anything.
type row struct {
	own   []string // packages of this module, relative to its root
	other []string // path prefixes of other modules
}

// mayImport reports whether the row allows an import path that is not the standard library's.
func (r row) mayImport(imported string) bool {
	if rel, ok := strings.CutPrefix(imported, module+"/"); ok {
		return r.own == nil || slices.Contains(r.own, rel)
	}
	return r.other == nil || slices.ContainsFunc(r.other, func(prefix string) bool {
		return imported == prefix || strings.HasPrefix(imported, prefix+"/")
	})
}

// table reads the layout from the document. A key that ends in "/..." stands for every package
// below.
func table(t *testing.T) map[string]row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, doc))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Layout\n")
	if !found {
		t.Fatalf("%s has no section Layout", doc)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	quoted := regexp.MustCompile("`([^`]+)`")
	cell := func(name, s string, all ...string) []string {
		if slices.Contains(all, strings.TrimSpace(s)) {
			return nil
		}
		list := []string{}
		for _, m := range quoted.FindAllStringSubmatch(s, -1) {
			list = append(list, m[1])
		}
		if len(list) == 0 && strings.TrimSpace(s) != "nothing" {
			t.Errorf("%s: row %s: %q is neither a list nor a word that the table uses", doc, name, s)
		}
		return list
	}
	rows := map[string]row{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| `") || len(cells) != 4 {
			continue
		}
		name := quoted.FindStringSubmatch(cells[0])[1]
		if _, twice := rows[name]; twice {
			t.Errorf("%s: two rows for %s", doc, name)
		}
		rows[name] = row{own: cell(name, cells[2], "everything"), other: cell(name, cells[3], "anything")}
	}
	if len(rows) < 5 {
		t.Fatalf("%s: read only %d rows: %v", doc, len(rows), rows)
	}
	return rows
}

// rowOf finds the row of a package by its folder: its own, or that of the nearest "/..." above.
func rowOf(rows map[string]row, folder string) (string, bool) {
	if _, ok := rows[folder]; ok {
		return folder, true
	}
	for dir := folder; dir != "."; dir = path.Dir(dir) {
		if _, ok := rows[dir+"/..."]; ok {
			return dir + "/...", true
		}
	}
	return "", false
}

// packages parses every Go file of the tree, whatever its build constraints and its module, and
// returns the files of each folder, relative to the root.
func packages(t *testing.T) map[string]map[string]*ast.File {
	t.Helper()
	found := map[string]map[string]*ast.File{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if file != root && (name == "testdata" || name == "bin" || strings.HasPrefix(name, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(rel)
		if found[folder] == nil {
			found[folder] = map[string]*ast.File{}
		}
		found[folder][name] = parsed
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func isTest(file string) bool { return strings.HasSuffix(file, "_test.go") }

// TestImportsFollowTheTable is about what ships; test files have rules of their own in
// .golangci.yml.
func TestImportsFollowTheTable(t *testing.T) {
	rows := table(t)
	used := map[string]bool{}
	for folder, files := range packages(t) {
		name, ok := rowOf(rows, folder)
		if !ok {
			t.Errorf("package %s has no row in %s", folder, doc)
			continue
		}
		used[name] = true
		for file, parsed := range files {
			if isTest(file) {
				continue
			}
			for _, spec := range parsed.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				first, _, _ := strings.Cut(imported, "/")
				if strings.Contains(first, ".") && !rows[name].mayImport(imported) {
					t.Errorf("%s/%s imports %s, which row %s of %s does not allow", folder, file, imported, name, doc)
				}
			}
		}
	}
	for name := range rows {
		if !used[name] && !strings.HasSuffix(name, "/...") {
			t.Errorf("%s has a row for %s, which holds no Go files", doc, name)
		}
	}
}

func TestEveryPackageHasOneDocComment(t *testing.T) {
	for folder, files := range packages(t) {
		onlyTests := !slices.ContainsFunc(slices.Collect(maps.Keys(files)), func(f string) bool { return !isTest(f) })
		var documented []string
		for file, parsed := range files {
			if parsed.Doc != nil && isTest(file) == onlyTests {
				documented = append(documented, file)
			}
		}
		slices.Sort(documented)
		if len(documented) != 1 {
			t.Errorf("package %s has %d doc comments, want one: %v", folder, len(documented), documented)
		}
	}
}

// TestLinterEnforcesTheTable compares the rules for depguard with the table, so that an import
// refused here is refused in the editor too, and neither can be changed alone.
func TestLinterEnforcesTheTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	type rule struct {
		ListMode string `yaml:"list-mode"`
		Files    []string
		Allow    []string
	}
	var config struct {
		Linters struct {
			Settings struct {
				Depguard struct{ Rules map[string]rule }
			}
		}
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	rules := config.Linters.Settings.Depguard.Rules
	for name, row := range table(t) {
		if row.own == nil && row.other == nil {
			continue // nothing to enforce
		}
		got, ok := rules[name]
		if !ok {
			t.Errorf(".golangci.yml: depguard has no rule for package %s", name)
			continue
		}
		allow := append([]string{"$gostd"}, row.other...)
		if row.own == nil {
			allow = append(allow, module)
		}
		for _, own := range row.own {
			allow = append(allow, module+"/"+own+"$")
		}
		want := rule{ListMode: "strict", Files: []string{"${config-path}/" + name + "/*.go", "!$test"}, Allow: allow}
		slices.Sort(got.Allow)
		slices.Sort(want.Allow)
		if got.ListMode != want.ListMode || !slices.Equal(got.Files, want.Files) || !slices.Equal(got.Allow, want.Allow) {
			t.Errorf(".golangci.yml: depguard rule %s differs from %s:\n got %+v\nwant %+v", name, doc, got, want)
		}
	}
}
