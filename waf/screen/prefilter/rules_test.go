package prefilter

import (
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"rsc.io/binaryregexp"
)

// rule is one operator of the Core Rule Set that looks for a pattern.
type rule struct {
	id       string // with a + for each link of a chain that precedes it
	paranoia int
	targets  string
	operator string
	argument string
	need     Need
	matches  func(value string) bool
}

// rules reads the operators @rx, @pm and @pmFromFile, not negated, from the Core Rule Set.
var rules = sync.OnceValues(func() ([]rule, error) {
	files, err := fs.Glob(coreruleset.FS, "@owasp_crs/*.conf")
	if err != nil {
		return nil, err
	}
	var list []rule
	directive := regexp.MustCompile(`(?s)^\s*SecRule\s+(\S+)\s+"@(rx|pm|pmFromFile) ((?:[^"\\]|\\.)*)"(.*)$`)
	for _, name := range files {
		text, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			return nil, err
		}
		last := rule{}
		chained := false
		for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
			if !strings.HasPrefix(strings.TrimSpace(line), "SecRule ") {
				continue
			}
			if chained {
				last.id += "+"
			} else {
				last = rule{id: between(line, "id:", ","), paranoia: 1}
				last.paranoia, _ = strconv.Atoi(between(line, "paranoia-level/", "'"))
			}
			chained = strings.HasSuffix(strings.TrimSpace(line), `chain"`) || strings.Contains(line, "chain,")
			m := directive.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			r := last
			r.targets, r.operator, r.argument = m[1], m[2], strings.ReplaceAll(m[3], `\"`, `"`)
			if err := r.prepare(); err != nil {
				return nil, err
			}
			list = append(list, r)
		}
	}
	return list, nil
})

func between(s, start, end string) string {
	_, s, _ = strings.Cut(s, start)
	s, _, _ = strings.Cut(s, end)
	return s
}

// prepare derives the need, and the plain meaning of the operator to compare it with.
func (r *rule) prepare() error {
	switch r.operator {
	case "rx":
		if strings.Contains(r.argument, `\xac`) || strings.Contains(r.argument, `\x{e2}\x80`) {
			re, err := binaryregexp.Compile(r.argument)
			if err != nil {
				return err
			}
			r.matches = re.MatchString
			r.need, err = BinaryRegexp(r.argument)
			return err
		}
		expr := "(?sm)" + r.argument
		re, err := regexp.Compile(expr)
		if err != nil {
			return err
		}
		r.matches = re.MatchString
		r.need, err = Regexp(expr)
		return err
	case "pm":
		r.phrases(strings.Split(r.argument, " "))
	case "pmFromFile":
		text, err := fs.ReadFile(coreruleset.FS, "@owasp_crs/"+r.argument)
		if err != nil {
			return err
		}
		var phrases []string
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				phrases = append(phrases, line)
			}
		}
		r.phrases(phrases)
	}
	return nil
}

func (r *rule) phrases(list []string) {
	r.need = Phrases(list)
	r.matches = func(value string) bool {
		for _, p := range list {
			if strings.Contains(fold(value), strings.ToLower(p)) {
				return true
			}
		}
		return false
	}
}

func coreRules(tb testing.TB) []rule {
	tb.Helper()
	list, err := rules()
	if err != nil {
		tb.Fatal(err)
	}
	if len(list) < 250 {
		tb.Fatalf("read only %d operators of the Core Rule Set", len(list))
	}
	return list
}
