package screen

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
)

// constants are what is known of the collection TX at one point of the rules while a policy
// is compiled: what rules that depend on no request have set, and which variables depend on
// requests.
type constants struct {
	values   map[string]string // by key in lower case
	dynamic  map[string]bool   // keys whose value a request decides
	prefixes []string          // of keys that a request decides itself
}

func newConstants() *constants {
	return &constants{values: map[string]string{}, dynamic: map[string]bool{}}
}

// snapshot is a copy that later changes leave alone.
func (c *constants) snapshot() *constants {
	return &constants{values: maps.Clone(c.values), dynamic: maps.Clone(c.dynamic), prefixes: c.prefixes[:len(c.prefixes):len(c.prefixes)]}
}

// isCapture reports whether key is one of those that operators set, TX:0 to TX:9.
func isCapture(key string) bool { return len(key) == 1 && key[0] >= '0' && key[0] <= '9' }

func (c *constants) isDynamic(key string) bool {
	if isCapture(key) || c.dynamic[key] {
		return true
	}
	for _, p := range c.prefixes {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

// mayMatch reports whether rx may match a key of a variable that depends on requests.
func (c *constants) mayMatch(rx *regexp.Regexp) bool {
	for key := range c.dynamic {
		if rx.MatchString(key) {
			return true
		}
	}
	return len(c.prefixes) > 0
}

// setVariable does what Coraza's setvar does (internal/actions/setvar.go).
func setVariable(values map[string]string, key, current, value string) {
	switch {
	case value == "" || value[0] != '+' && value[0] != '-':
		values[key] = value
	default:
		n := 0
		if len(value) > 1 {
			var err error
			if n, err = strconv.Atoi(value[1:]); err != nil {
				if !strings.HasPrefix(value[1:], "tx.") {
					values[key] = value
				}
				return
			}
		}
		sum := 0
		if current != "" {
			var err error
			if sum, err = strconv.Atoi(current); err != nil {
				return
			}
		}
		if value[0] == '-' {
			n = -n
		}
		values[key] = strconv.Itoa(sum + n)
	}
}
