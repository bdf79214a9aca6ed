// Package exclude writes exclusions as policies have them: as narrow as there are, by rule, target and path. What they are
// made of is a client's text.
package exclude

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/mask"
)

// One is an exclusion: a rule no longer looks at a target, below a path. An empty target is all of them, an empty path
// everywhere.
type One struct {
	Rule   int
	Target string
	Path   string
}

// plainTarget is a target that an exclusion can name as it is.
var plainTarget = regexp.MustCompile(`^[A-Z_]+(?::[A-Za-z0-9_.\-*/@]+)?$`)

// Nameable reports whether an exclusion can name a target.
func Nameable(target string) bool {
	return plainTarget.MatchString(target) && !strings.HasPrefix(target, "TX:")
}

// Decoded is a path as exclusions compare it.
func Decoded(path string) string {
	if decoded, err := url.PathUnescape(path); err == nil {
		return decoded
	}
	return path
}

// Below is the longest beginning of a decoded path, in whole segments, that a route file can name; empty: none.
func Below(path string) string {
	if !strings.HasPrefix(path, "/") {
		return ""
	}
	odd := strings.IndexFunc(path, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == utf8.RuneError || strings.ContainsRune("?#%", r)
	})
	if odd < 0 {
		return path
	}
	return path[:max(1, strings.LastIndexByte(path[:odd], '/'))]
}

// Told is Below of a path as events tell it: what is masked or cut is not the path's own.
func Told(path string) string {
	path, _, was := strings.Cut(path, mask.Ellipsis)
	at := mask.Placeholder(path)
	if at < 0 && was {
		at = len(path)
	}
	if at >= 0 {
		path = path[:max(1, strings.LastIndexByte(path[:at], '/'))]
	}
	return Below(Decoded(path))
}

// Covers reports whether an exclusion is about what a rule has matched in a target, of a request for a decoded path.
func (x One) Covers(rule int, target, path string) bool {
	below := strings.TrimSuffix(x.Path, "/")
	return x.Rule == rule && (x.Target == "" || strings.EqualFold(x.Target, target)) &&
		(x.Path == "" || path == below || strings.HasPrefix(path, below+"/"))
}

// Add appends an exclusion that is not among others yet.
func Add(all []One, x One) []One {
	if slices.Contains(all, x) {
		return all
	}
	return append(all, x)
}

// YAML writes exclusions as a policy has them.
func YAML(all []One) string {
	var b strings.Builder
	b.WriteString("exclusions:\n")
	for _, x := range all {
		fmt.Fprintf(&b, "  - { rule: %d", x.Rule)
		if x.Target != "" {
			fmt.Fprintf(&b, ", target: %s", text(x.Target))
		}
		if x.Path != "" {
			fmt.Fprintf(&b, ", path: %s", text(x.Path))
		}
		b.WriteString(", reason: say why this is no attack }\n")
	}
	return b.String()
}

// plainText is text that means itself in YAML.
var plainText = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./\-]*(?::[A-Za-z0-9_.\-]+)?$`)

// text quotes text where it has to be. What Go escapes, YAML reads in the same way.
func text(s string) string {
	if plainText.MatchString(s) {
		return s
	}
	return strconv.QuoteToASCII(s)
}
