package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// reference matches ${env:NAME} and ${file:PATH}, which stand for a value, and both with a second dollar sign,
// which stand for themselves.
var reference = regexp.MustCompile(`\$?\$\{(env|file):([^}]*)\}`)

// forgotten matches what looks like a variable and is none.
var forgotten = regexp.MustCompile(`(?:^|[^$])\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// asTheyAre are keys whose text means something of its own by dollar signs and braces.
var asTheyAre = []string{"inline", "html", "json", "regex", "reason"}

// lookup finds a value from outside of the file: of a variable ("env"), or what is in a file ("file").
type lookup func(kind, name string) (string, error)

// expand puts values from outside into a text, where it says so.
func (d *document) expand(text, path string) (string, error) {
	key := path[strings.LastIndexByte(path, '.')+1:]
	if d.lookup == nil || !strings.Contains(text, "${") || key == "inline" {
		return text, nil
	}
	if m := forgotten.FindStringSubmatch(text); m != nil && !slices.Contains(asTheyAre, key) {
		return "", fmt.Errorf("${%s} is not replaced: write ${env:%s} for the value of a variable, ${file:…} for what is in a file", m[1], m[1])
	}
	var wrong error
	text = reference.ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasPrefix(s, "$$") {
			return s[1:]
		}
		m := reference.FindStringSubmatch(s)
		value, err := d.lookup(m[1], m[2])
		if err != nil && wrong == nil {
			wrong = fmt.Errorf("%s: %w", s, err)
		}
		return value
	})
	return text, wrong
}
