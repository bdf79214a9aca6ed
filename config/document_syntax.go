package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var yamlError = regexp.MustCompile(`^yaml: (?:line \d+: )?(?s:(.*))$`)

// syntax adds an error of the YAML parser. The line that it names is often that in which the construct around the
// mistake begins, or the one before: what the parser had read when it gave up tells better.
func (d *document) syntax(data []byte, err error) {
	d.noYAML = true
	what := err.Error()
	if m := yamlError.FindStringSubmatch(what); m != nil {
		what = m[1]
	}
	d.add(givesUpAt(data), "", "not valid YAML: %s%s", what, yamlHint(what))
}

// givesUpAt returns the line that the parser has come to when it finds that a text is not valid.
func givesUpAt(data []byte) int {
	r := &oneByOne{data: data}
	decoder := yaml.NewDecoder(r)
	for {
		var doc yaml.Node
		if err := decoder.Decode(&doc); err != nil {
			if errors.Is(err, io.EOF) {
				return 0 // it is valid after all
			}
			return 1 + bytes.Count(bytes.TrimRight(data[:r.read], " \r\n"), []byte("\n"))
		}
	}
}

// oneByOne gives a text byte by byte, so that nobody reads further than needed.
type oneByOne struct {
	data []byte
	read int
}

func (r *oneByOne) Read(p []byte) (int, error) {
	if r.read == len(r.data) {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	p[0] = r.data[r.read]
	r.read++
	return 1, nil
}

// yamlHint says what to do about a mistake in YAML that people make often.
func yamlHint(what string) string {
	hints := map[string]string{
		"found unknown escape character":                               `: in double quotes a backslash begins an escape, write the text in single quotes`,
		"did not find expected alphabetic or numeric character":        `: what begins with "*" or "&" needs quotes`,
		"found character that cannot start any token":                  `: what begins with "@", "%" or a backtick needs quotes, and indentation is spaces, not tabs`,
		"mapping values are not allowed in this context":               `: text with ": " in it needs quotes, and keys of one mapping the same indentation`,
		"did not find expected '-' indicator":                          `: the indentation of this line fits nothing above it`,
		"did not find expected key":                                    `: the indentation of this line fits nothing above it`,
		"found a tab character that violates indentation":              `: write spaces`,
		"found a tab character where an indentation space is expected": `: write spaces`,
	}
	for text, hint := range hints {
		if strings.HasPrefix(what, text) {
			return hint
		}
	}
	return ""
}
