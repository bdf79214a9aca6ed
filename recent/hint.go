package recent

import "bytes"

// isID ends both the name of a rule's id and that of the rule that has decided.
var isID = []byte(`id":`)

// mayHaveRule reports whether a line that this process has written may have one of the rules that are wanted: there is such a
// number behind such a name. Most lines have none, and their rules are never read as JSON.
func (m *Matcher) mayHaveRule(line []byte) bool {
	if len(m.filter.Rules) == 0 {
		return true
	}
	for {
		i := bytes.Index(line, isID)
		if i < 0 {
			return false
		}
		line = line[i+len(isID):]
		end := 0
		for end < len(line) && '0' <= line[end] && line[end] <= '9' {
			end++
		}
		if end > 0 && inOne(m.filter.Rules, line[:end]) {
			return true
		}
	}
}

// matchOwn reports whether a line that this process has written fits.
func (m *Matcher) matchOwn(line []byte) bool { return m.mayHaveRule(line) && m.Match(line) }
