package reading

import "strings"

// Selects reports whether the selector of a rule's target, as in ARGS:selector, selects a
// value of kind k with this key. An empty selector selects everything (collections/map.go,
// named.go, and newRuleVariableParams in rule.go).
//
// A selector that is a regular expression is matched by Coraza against Lower(key); but for arguments and
// their names the expression itself is put in lower case first.
func (k Kind) Selects(selector, key string) bool {
	if selector == "" || k.Single() {
		return true
	}
	switch k {
	case ArgsGetNames, ArgsPostNames, ArgsPathNames:
		// Coraza looks the selector up as it is written among keys in lower case.
		return selector == Lower(key)
	}
	return EqualKeys(selector, key)
}

// EqualKeys reports whether two keys are one to Coraza's maps. Exceptions, as in !ARGS:key,
// are compared so whatever the kind is.
func EqualKeys(a, b string) bool {
	i := 0
	for ; i < min(len(a), len(b)) && a[i]|b[i] < 0x80; i++ {
		if a[i] != b[i] && lowerByte(a[i]) != lowerByte(b[i]) {
			return false
		}
	}
	if i == len(a) || i == len(b) {
		return len(a) == len(b)
	}
	return Lower(a[i:]) == Lower(b[i:])
}

// Lower is the form of a key in which Coraza's maps store it. It allocates only if it
// changes something.
func Lower(key string) string { return strings.ToLower(key) }

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
