package routing

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// CanonicalPath appends to dst the spelling under which the path of a request target compares, and
// returns the extended slice. The target is the raw one of the request line: origin-form,
// absolute-form or "*" (RFC 9112, section 3.2).
//
// The query is cut off, percent-escapes are decoded once (those that are not two hexadecimal digits
// stay as they are), slashes in a row become one, and the segments "." and ".." are resolved (RFC
// 3986, section 5.2.4), never above the root. In this order: %2F separates segments, %2E is a dot,
// and "/a//../b" is "/b". The result starts with "/", except that "*" stays "*".
//
// The result serves matching only; the bytes to forward are the original ones. It is no longer a
// request target: %253F has become %3F, so canonicalizing twice may give something else. Backslash,
// ";" and "#" are ordinary bytes here; who does not want a backend to see more in them refuses them.
func CanonicalPath(dst []byte, target string) []byte {
	if len(target) == 1 && target[0] == '*' {
		return append(dst, '*')
	}
	path := pathOf(target)
	root := len(dst)
	dst = append(dst, '/')
	segment := len(dst) // where the segment being written starts
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			high, low := unhex(path[i+1]), unhex(path[i+2])
			if high >= 0 && low >= 0 {
				c = byte(high<<4 | low)
				i += 2
			}
		}
		if c != '/' {
			dst = append(dst, c)
			continue
		}
		dst = resolveDots(dst, root, segment)
		if dst[len(dst)-1] != '/' {
			dst = append(dst, '/')
		}
		segment = len(dst)
	}
	return resolveDots(dst, root, segment)
}

// resolveDots removes the last segment of dst if it is ".", and the one before it too if it is "..".
// The path starts at dst[root], which is a slash.
func resolveDots(dst []byte, root, segment int) []byte {
	switch string(dst[segment:]) {
	case ".":
		return dst[:segment]
	case "..":
		parent := bytes.LastIndexByte(dst[root:segment-1], '/') // -1 at the root
		if parent < 0 {
			return dst[:segment]
		}
		return dst[:root+parent+1]
	}
	return dst
}

// pathOf cuts the query and, of an absolute-form target, scheme and authority.
func pathOf(target string) string {
	target, _, _ = strings.Cut(target, "?")
	if target == "" || target[0] == '/' {
		return target
	}
	scheme, rest, found := strings.Cut(target, "://")
	if !found || !isScheme(scheme) {
		return target
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return ""
	}
	return rest[slash:]
}

// isScheme follows RFC 3986, section 3.1.
func isScheme(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(c))) {
			return false
		}
	}
	return s != ""
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// pathPattern is a path of an entry. An entry without paths has one that is marked any, which
// behaves as the prefix "/".
type pathPattern struct {
	path Path // as [Match] returns it; zero for any
	kind PathKind
	any  bool

	// value is what is compared: an exact path, a prefix without a slash at its end (so that "/" is
	// empty), or a pattern as written.
	value string

	// regex is the anchored pattern, and start how every path that it matches begins.
	regex *regexp.Regexp
	start string
}

func compilePath(p Path) (*pathPattern, error) {
	switch p.Kind {
	case PathExact, PathPrefix:
		if !strings.HasPrefix(p.Value, "/") {
			return nil, fmt.Errorf(`%s %q does not start with "/": write %q`, p.Kind, p.Value, CanonicalPath(nil, "/"+p.Value))
		}
		if canonical := string(CanonicalPath(nil, p.Value)); canonical != p.Value {
			return nil, fmt.Errorf("%s %q is compared with paths that are decoded, resolved and without query: write %q", p.Kind, p.Value, canonical)
		}
		if p.Kind == PathExact {
			return &pathPattern{path: p, kind: p.Kind, value: p.Value}, nil
		}
		value := strings.TrimSuffix(p.Value, "/")
		if value != "" {
			p.Value = value
		}
		return &pathPattern{path: p, kind: p.Kind, value: value}, nil
	case PathRegex:
		regex, err := compileRegex(p.Value)
		if err != nil {
			return nil, err
		}
		start := literalStart(p.Value)
		if start != "" && start[0] != '/' && start[0] != '*' {
			return nil, fmt.Errorf(`regex %q never matches: it starts with %q, and paths start with "/"`, p.Value, start)
		}
		return &pathPattern{path: p, kind: p.Kind, value: p.Value, regex: regex, start: start}, nil
	}
	return nil, fmt.Errorf("%s is none of exact, prefix and regex", p.Kind)
}

// compileRegex compiles a pattern that has to match a whole value.
func compileRegex(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, errors.New("regex is empty: write a pattern")
	}
	// Alone first: "a)|(b" must not become valid by what stands around it.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, fmt.Errorf("regex %q: %w", pattern, err)
	}
	regex, err := regexp.Compile(`\A(?s:` + pattern + `)\z`)
	if err != nil {
		return nil, fmt.Errorf(`regex %q: close \Q with \E: %w`, pattern, err)
	}
	return regex, nil
}

// literalStart returns how every match of the pattern begins, as far as that is a plain string. The
// leading "^" hides it from the regexp package, and is implied here.
func literalStart(pattern string) string {
	regex, err := regexp.Compile(strings.TrimPrefix(pattern, "^"))
	if err != nil {
		return ""
	}
	start, _ := regex.LiteralPrefix()
	return start
}

// matchRegex is for patterns of kind PathRegex. It compares the start first because the regexp
// package does not do so for anchored patterns: a hundred of them under one host cost 5 µs without
// and 1 µs with it (BenchmarkMatch/regexes100).
func (p *pathPattern) matchRegex(path []byte) bool {
	return len(path) >= len(p.start) && string(path[:len(p.start)]) == p.start && p.regex.Match(path)
}

// match reports whether p matches a canonical path.
func (p *pathPattern) match(path []byte) bool {
	switch p.kind {
	case PathExact:
		return string(path) == p.value
	case PathRegex:
		return p.matchRegex(path)
	}
	if p.value == "" {
		return true
	}
	rest, below := bytes.CutPrefix(path, []byte(p.value))
	return below && (len(rest) == 0 || rest[0] == '/')
}

// rank orders kinds of paths: higher comes first.
func (p *pathPattern) rank() int {
	switch p.kind {
	case PathExact:
		return 2
	case PathRegex:
		return 1
	}
	return 0
}

func (p *pathPattern) String() string {
	if p.any {
		return "any path"
	}
	return fmt.Sprintf("path %s %q", p.kind, p.path.Value)
}
