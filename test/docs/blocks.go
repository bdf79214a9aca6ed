// Package docs holds the documents to what they show: every block of commands is run as it is
// written, every block of YAML is checked by "wafer check" or by the type it is of, and a block that
// is neither says why. Blocks finds them, for this package's tests and for those in test/cluster.
//
// A block's first word says what it is: sh, yaml, json, promql, html, or text for what is no command,
// such as output. A comment on the line above it may say more:
//
//	<!-- run: with the demo -->             something runs while the commands do
//	<!-- not run: REASON -->                for what would change the machine or needs a cluster
//
// Within a block of commands, a line "# 403: an injection is blocked" wants the next command to show
// that status of HTTP, and "# exit status 3" behind a command wants that exit status instead of 0.
package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Block is a fenced block of a document.
type Block struct {
	File string // relative to the root of the tree
	Line int    // of the first line within the fence
	Lang string // first word behind the fence
	Text string // without the fences, and without their indentation

	With   string // "run: with …": what the commands need
	NotRun string // "not run: …": why they are not run
}

var (
	fence = regexp.MustCompile("^( *)```(.*)$")
	mark  = regexp.MustCompile(`^ *<!-- (run: with|not run:) (.+) -->$`)
	item  = regexp.MustCompile(`^ *([-*]|\d+\.) `)
)

// Blocks returns the blocks of a document. A mark that belongs to no block, and code that is
// indented instead of fenced, so that nobody can tell what it is, are errors.
func Blocks(root, file string) ([]Block, error) {
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return nil, err
	}
	var blocks []Block
	var open *Block
	var indent, list string
	marked, blank := map[string]string{}, true
	for i, line := range strings.Split(string(text), "\n") {
		at := fmt.Sprintf("%s:%d", file, i+1)
		f := fence.FindStringSubmatch(line)
		switch {
		case open != nil && f != nil:
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.Text += strings.TrimPrefix(line, indent) + "\n"
		case f != nil:
			indent = f[1]
			open = &Block{File: file, Line: i + 2, Lang: strings.TrimSpace(f[2]), With: marked["run: with"], NotRun: marked["not run:"]}
			clear(marked)
		case mark.MatchString(line):
			m := mark.FindStringSubmatch(line)
			marked[m[1]] = m[2]
		case len(marked) > 0:
			return nil, fmt.Errorf("%s: a mark has to stand on the line above a block", at)
		case strings.HasPrefix(line, "    ") && blank && list == "":
			return nil, fmt.Errorf("%s: code that is indented: put it between fences and say what it is (sh, yaml, json, promql, text)", at)
		case item.MatchString(line):
			list = line
		case line != "" && line[0] != ' ':
			list = ""
		}
		blank = line == ""
	}
	if open != nil {
		return nil, fmt.Errorf("%s:%d: a block without an end", file, open.Line-1)
	}
	return blocks, nil
}

// Files returns the documents of the tree, relative to its root.
func Files(root string) ([]string, error) {
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "charts/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			rel, err := filepath.Rel(root, f)
			if err != nil {
				return nil, err
			}
			files = append(files, filepath.ToSlash(rel))
		}
	}
	return files, nil
}
