package docs

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

const root = "../.."

func TestMain(m *testing.M) {
	if stand, ok := standIns[filepath.Base(os.Args[0])]; ok {
		os.Exit(stand.main())
	}
	os.Exit(tier.Main(m))
}

// blocks returns all blocks of all documents.
func blocks(t *testing.T) map[string][]Block {
	t.Helper()
	files, err := Files(root)
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	all := map[string][]Block{}
	for _, file := range files {
		found, err := Blocks(root, file)
		if err != nil {
			t.Error(err)
		}
		all[file] = found
	}
	return all
}

// TestBlocks runs and checks every block of every document. The blocks of one document share a
// folder, in their order: what one writes, the next may read.
func TestBlocks(t *testing.T) {
	t.Parallel()
	for file, all := range blocks(t) {
		if len(all) == 0 {
			continue
		}
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			for _, b := range all {
				t.Run(strconv.Itoa(b.Line), func(t *testing.T) { s.check(t, b) })
			}
		})
	}
}

func (s *sandbox) check(t *testing.T, b Block) {
	t.Helper()
	if b.NotRun != "" && b.Lang != "sh" {
		t.Error(`only commands need a reason for not being run`)
	}
	switch b.Lang {
	case "sh":
		s.commands(t, b)
	case "yaml":
		s.yaml(t, b.Text)
	case "json":
		checkJSON(t, b.Text)
	case "promql":
		checkMetrics(t, b.Text)
	case "text", "html":
		checkNoCommands(t, b.Text)
	default:
		t.Errorf("a block of %q is neither run nor checked: say sh, yaml, json, promql, html or text", b.Lang)
	}
}

// checkJSON wants values of JSON, one after the other.
func checkJSON(t *testing.T, text string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	for {
		var v any
		err := d.Decode(&v)
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("not JSON: %v", err)
		}
	}
}

var metric = regexp.MustCompile(`\bwafer_\w+`)

// checkMetrics wants every metric of an expression to be one that the tier has.
func checkMetrics(t *testing.T, text string) {
	t.Helper()
	operations, err := os.ReadFile(filepath.Join(root, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(operations), "\n## Metrics\n")
	table, _, _ = strings.Cut(table, "\n### ")
	histogram := regexp.MustCompile(`_(bucket|sum|count)$`)
	for _, name := range metric.FindAllString(text, -1) {
		name = histogram.ReplaceAllString(name, "")
		if !strings.Contains(table, "`"+name+"`") && !strings.Contains(table, "`"+name+"{") {
			t.Errorf("docs/operations.md knows no metric %s", name)
		}
	}
}

var command = regexp.MustCompile(`(?m)^ *(\$ |(bin/)?wafer (serve|check|explain|demo|k8s|version)\b|(make|kubectl|curl|go|docker|apt|systemctl) [a-z./-])`)

// checkNoCommands keeps commands from hiding in a block that is not run.
func checkNoCommands(t *testing.T, text string) {
	t.Helper()
	if c := command.FindString(text); c != "" {
		t.Errorf("%q looks like a command: make it a block of sh", c)
	}
}

// commented is a command in a comment of a file: indented further than the text.
var commented = regexp.MustCompile(`(?m)^#   ((?:wafer|kubectl|make) .+)$`)

// TestComments runs the commands in comments of examples and manifests.
func TestComments(t *testing.T) {
	t.Parallel()
	s, seen := newSandbox(t), 0
	for _, pattern := range []string{"examples/*.yaml", "manifests/*/*/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range commented.FindAllStringSubmatch(string(text), -1) {
				seen++
				s.commands(t, Block{File: file, Line: 1, Lang: "sh", Text: m[1] + "\n"})
			}
		}
	}
	if seen < 3 {
		t.Errorf("found only %d commands", seen)
	}
}

var (
	span   = regexp.MustCompile("`+([^`\n]+)`+")
	hidden = regexp.MustCompile("(?s)```.*?```")
	flagOf = regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	target = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

// TestSpans is about commands within a sentence: "wafer …" has to name a command and flags that
// exist, "make …" targets.
func TestSpans(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range target.FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, m[1])
	}
	s, helps, seen := newSandbox(t), map[string]string{}, 0
	for file := range blocks(t) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if file == "CHANGELOG.md" {
			text, _, _ = bytes.Cut(text, []byte("\n## v")) // what is released may name what is gone
		}
		for _, m := range span.FindAllStringSubmatch(hidden.ReplaceAllString(string(text), ""), -1) {
			words := strings.Fields(m[1])
			switch {
			case len(words) > 1 && words[0] == "make":
				seen++
				for _, w := range words[1:] {
					if !strings.Contains(w, "=") && !slices.Contains(targets, w) {
						t.Errorf("%s: `%s`: the Makefile has no target %s", file, m[1], w)
					}
				}
			case len(words) > 1 && path.Base(words[0]) == "wafer":
				seen++
				s.span(t, file, words[1:], helps)
			}
		}
	}
	if seen < 30 {
		t.Errorf("found only %d commands", seen)
	}
}

// span checks the words behind "wafer" against what the command's help says.
func (s *sandbox) span(t *testing.T, file string, words []string, helps map[string]string) {
	t.Helper()
	text := strings.Join(words, " ")
	var path []string
	for len(words) > 0 && regexp.MustCompile(`^[a-z][a-z0-9-]+$`).MatchString(words[0]) && !strings.HasPrefix(words[0], "-") {
		help, ok := helps[strings.Join(append(path, words[0]), " ")]
		if !ok {
			help = s.help(append(path, words[0]))
			helps[strings.Join(append(path, words[0]), " ")] = help
		}
		if help == "" {
			break // an argument
		}
		path, words = append(path, words[0]), words[1:]
	}
	if len(path) == 0 {
		t.Errorf("%s: `wafer %s`: there is no such command", file, text)
		return
	}
	help := helps[strings.Join(path, " ")]
	for _, f := range flagOf.FindAllString(strings.Join(words, " "), -1) {
		if !regexp.MustCompile(f + `\b`).MatchString(help) {
			t.Errorf("%s: `wafer %s`: %s has no flag %s", file, text, strings.Join(path, " "), f)
		}
	}
}
