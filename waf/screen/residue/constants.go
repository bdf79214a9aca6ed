package residue

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/waf/kept"
)

// Constants are what is known of the collection TX at one point of the rules while a policy
// is compiled: what rules that depend on no request have set, and which variables depend on
// requests.
type Constants struct {
	Values   map[string]string // by key in lower case
	dynamic  map[string]bool   // keys whose value a request decides
	prefixes []string          // of keys that a request decides itself
	shared   bool              // the maps are those of another, too
}

// NewConstants returns constants of which none is set.
func NewConstants() *Constants {
	return &Constants{Values: map[string]string{}, dynamic: map[string]bool{}}
}

// snapshot is a copy that later changes leave alone, and whose changes leave c alone. Most rules change
// nothing, so that the maps are copied by who changes them.
func (c *Constants) snapshot() *Constants {
	c.shared = true
	return &Constants{Values: c.Values, dynamic: c.dynamic, prefixes: c.prefixes[:len(c.prefixes):len(c.prefixes)], shared: true}
}

// own makes the maps those of c alone.
func (c *Constants) own() {
	if c.shared {
		c.Values, c.dynamic, c.shared = maps.Clone(c.Values), maps.Clone(c.dynamic), false
	}
}

// engineKeys are the variables of TX that Coraza sets without a setvar: what operators capture,
// and the text of JSON bodies.
var engineKeys = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "json_request_body", "json_response_body"}

func ofEngine(key string) bool { return slices.Contains(engineKeys, key) }

// IsCapture reports whether key is one of those that operators set, TX:0 to TX:9.
func IsCapture(key string) bool { return len(key) == 1 && key[0] >= '0' && key[0] <= '9' }

func (c *Constants) isDynamic(key string) bool {
	if ofEngine(key) || c.dynamic[key] || strings.HasPrefix(key, kept.Prefix) {
		return true
	}
	for _, p := range c.prefixes {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

// depends says that a request decides the value of a variable.
func (c *Constants) depends(name Macro) {
	if key, ok := name.Constant(); ok {
		c.own()
		c.dynamic[strings.ToLower(key)] = true
		return
	}
	prefix := ""
	if p := name.Parts[0]; p.Variable == "" {
		prefix = strings.ToLower(p.Text)
	}
	c.prefixes = append(c.prefixes, prefix)
}

// assigned says that a variable has just been assigned to.
func (c *Constants) assigned(s *Assignment) {
	key, named := s.Key.Constant()
	value, fixed := s.Value.Constant()
	key = strings.ToLower(key)
	if !named || !fixed || c.isDynamic(key) {
		c.depends(s.Key)
		return
	}
	if after, set := Assigned(c.Values[key], value); set {
		c.own()
		c.Values[key] = after
	}
}

// mayMatch reports whether rx may match a key of a variable that depends on requests.
func (c *Constants) mayMatch(rx *regexp.Regexp) bool {
	for key := range c.dynamic {
		if rx.MatchString(key) {
			return true
		}
	}
	return len(c.prefixes) > 0
}

// Assigned is what becomes of a variable's value if a setvar says so (internal/actions/setvar.go);
// set is false if it stays as it is.
func Assigned(current, value string) (after string, set bool) {
	if !IsArithmetic(value) {
		return value, true
	}
	n := 0
	if len(value) > 1 {
		var err error
		if n, err = strconv.Atoi(value[1:]); err != nil {
			return value, !strings.HasPrefix(value[1:], "tx.")
		}
	}
	sum := 0
	if current != "" {
		var err error
		if sum, err = strconv.Atoi(current); err != nil {
			return "", false
		}
	}
	if value[0] == '-' {
		n = -n
	}
	return strconv.Itoa(sum + n), true
}

// IsArithmetic reports whether a setvar with this value adds or subtracts.
func IsArithmetic(value string) bool { return value != "" && (value[0] == '+' || value[0] == '-') }
