package routing

import "strconv"

// Entry is one route: the conditions a request must meet and the value it then gets. All four kinds
// of conditions must hold; within Hosts, Paths and Methods one of the list is enough. An empty list
// is no condition.
type Entry[T any] struct {
	// ID names the entry in errors and explanations; it is not empty and not used twice.
	ID string

	// Hosts are exact names ("shop.example"), wildcards ("*.shop.example") or IP addresses, IPv6
	// with or without brackets. Case and ports are ignored, and so is in
	// which form letters outside ASCII are written. A wildcard
	// stands for one or more labels: "*.shop.example" matches "a.shop.example" and
	// "a.b.shop.example", not "shop.example".
	Hosts []string

	// Paths are compared with the canonical path of the request.
	Paths []Path

	// Methods are compared with case (RFC 9110, section 9.1).
	Methods []string

	// Headers are conditions of which each must hold.
	Headers []Header

	// Value is handed back by [Table.Match]; the table never looks inside it.
	Value T
}

// PathKind says how a [Path] compares.
type PathKind uint8

// The kinds of paths.
const (
	PathExact  PathKind = iota // the whole path, byte for byte
	PathPrefix                 // the path itself and everything below it
	PathRegex                  // an RE2 pattern that must match the whole path
)

// String returns the word for k that configuration uses.
func (k PathKind) String() string {
	switch k {
	case PathExact:
		return "exact"
	case PathPrefix:
		return "prefix"
	case PathRegex:
		return "regex"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Path is a condition on the canonical path of a request (see [CanonicalPath]), which has no escapes
// left: a space is written as a space, not as %20.
type Path struct {
	Kind PathKind

	// Value is a path that starts with "/", or a pattern.
	//
	// A prefix ends at a segment boundary: "/foo" matches "/foo" and "/foo/x", not "/foot". A slash
	// at its end changes nothing. The prefix "/" matches every path, and "*" too.
	//
	// A pattern is anchored at both ends, and its "." matches line ends as well: otherwise a %0A in
	// the path would slip past "/admin/.*".
	Value string
}

// HeaderKind says how a [Header] compares.
type HeaderKind uint8

// The kinds of header conditions.
const (
	HeaderExact   HeaderKind = iota // the whole value, byte for byte
	HeaderRegex                     // an RE2 pattern that must match the whole value
	HeaderPresent                   // the field is there, whatever its value
)

// String returns the word for k that configuration uses.
func (k HeaderKind) String() string {
	switch k {
	case HeaderExact:
		return "exact"
	case HeaderRegex:
		return "regex"
	case HeaderPresent:
		return "present"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Header is a condition on one header field. It holds if any line of that name meets it: lines are
// neither joined nor split at commas.
type Header struct {
	Name  string // compared without case
	Kind  HeaderKind
	Value string // a value or a pattern; empty for HeaderPresent
}
