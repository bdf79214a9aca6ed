package residue

import (
	"bufio"
	"fmt"
	"io/fs"
	"path"
	"strings"

	ahocorasick "github.com/petar-dambovaliev/aho-corasick"

	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// phrases is @pm, by the automaton that Coraza uses.
func phrases(list []string) Operator {
	for _, p := range list {
		if p == "" {
			return opaqueOperator("@pm with an empty phrase")
		}
	}
	if len(list) == 0 {
		return opaqueOperator("@pm without phrases")
	}
	// Large, and asked only where the condition holds.
	automaton := budget.OnceValue(func() ahocorasick.AhoCorasick {
		b := ahocorasick.NewAhoCorasickBuilder(ahocorasick.Opts{AsciiCaseInsensitive: true, MatchKind: ahocorasick.LeftMostLongestMatch})
		return b.Build(list)
	})
	return Operator{
		Match:    func(v, _ string) bool { return automaton().Iter(v).Next() != nil },
		Need:     prefilter.Phrases(list),
		Constant: true,
	}
}

// readFile reads the file that an operator names.
func readFile(root fs.FS, o seclang.Operator) (string, error) {
	name := o.Arg
	if !path.IsAbs(name) {
		name = path.Join(o.Dir, name)
	}
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return "", fmt.Errorf("@%s: %w", o.Name, err)
	}
	return string(text), nil
}

// phrasesIn returns the phrases of a file: one a line.
func phrasesIn(text string) []string {
	var list []string
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if l := strings.TrimSpace(lines.Text()); l != "" && l[0] != '#' {
			list = append(list, strings.ToLower(l))
		}
	}
	return list
}
