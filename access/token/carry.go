package token

import (
	"net/url"
	"strings"

	"github.com/wafer-waf/wafer/message"
)

// Place is where a request may carry something. Exactly one of Header, Cookie and Query is set.
type Place struct {
	Header string
	Scheme string // in front of it, as in "Bearer"; empty: the value is all of it
	Cookie string
	Query  string
}

// DefaultPlaces are where tokens are carried (RFC 6750 2.1).
var DefaultPlaces = []Place{{Header: "Authorization", Scheme: "Bearer"}}

// carried is what was found in a request.
type carried struct {
	text  string
	found bool
	other bool // something else stands where it could be
	many  bool // two that differ
}

func (c *carried) add(text string) {
	c.many = c.many || c.found && c.text != text
	c.text, c.found = text, true
}

// carriedIn looks in all places of a request: an application may look elsewhere than the tier does, so that two of
// which one would have to be chosen are one too many.
func carriedIn(places []Place, fields message.Fields, target string) carried {
	var c carried
	for i := range places {
		p := &places[i]
		switch {
		case p.Header != "":
			c.header(p, fields)
		case p.Cookie != "":
			c.cookies(p.Cookie, fields)
		default:
			c.query(p.Query, target)
		}
	}
	c.many = c.many || c.found && c.other
	return c
}

func (c *carried) header(p *Place, fields message.Fields) {
	for i := range fields {
		if !fields[i].Is(p.Header) {
			continue
		}
		text := fields[i].Value
		if p.Scheme != "" {
			scheme, rest, _ := strings.Cut(text, " ")
			if len(scheme) != len(p.Scheme) || !strings.EqualFold(scheme, p.Scheme) {
				c.other = c.other || text != ""
				continue
			}
			text = strings.Trim(rest, " \t")
		}
		c.add(text)
	}
}

func (c *carried) cookies(name string, fields message.Fields) {
	for i := range fields {
		if !fields[i].Is("Cookie") {
			continue
		}
		for rest := fields[i].Value; rest != ""; {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			key, value, _ := strings.Cut(pair, "=")
			if same(strings.Trim(key, " \t"), name) {
				c.add(unquoted(strings.Trim(value, " \t")))
			}
		}
	}
}

// same reports whether an application may take one name for the other.
func same(name, wanted string) bool {
	return strings.EqualFold(name, wanted) || strings.EqualFold(Spelled(name), Spelled(wanted))
}

// Spelled is the name of a parameter or a cookie as PHP has it, which keeps the least of how it was written: decoded, without
// space in front, up to a NUL or an index, and with "_" for what cannot be in a variable's name. Others only decode it.
func Spelled(name string) string {
	if strings.IndexByte(name, '%') >= 0 || strings.IndexByte(name, '+') >= 0 {
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
	}
	if name = strings.TrimLeft(name, " "); !strings.ContainsAny(name, " .[\x00") {
		return name
	}
	name, _, _ = strings.Cut(name, "\x00")
	if base, _, indexed := strings.Cut(name, "["); indexed && base != "" && strings.IndexByte(name, ']') > len(base) {
		name = base
	}
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '.' || r == '[' {
			return '_'
		}
		return r
	}, name)
}

func unquoted(s string) string {
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

func (c *carried) query(name, target string) {
	_, rest, _ := strings.Cut(target, "?")
	for rest != "" {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		key, value, _ := strings.Cut(pair, "=")
		c.other = c.other || behindSemicolon(pair, name)
		if !same(key, name) {
			continue
		}
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		c.add(value)
	}
}

// behindSemicolon reports whether a part of a query has a parameter for whoever takes semicolons for ends of them.
func behindSemicolon(pair, name string) bool {
	_, rest, more := strings.Cut(pair, ";")
	for more {
		pair, rest, more = strings.Cut(rest, ";")
		if key, _, _ := strings.Cut(pair, "="); same(key, name) {
			return true
		}
	}
	return false
}

// Without appends a target without a parameter of its query.
func Without(target, name string) string {
	path, rest, found := strings.Cut(target, "?")
	if !found || name == "" {
		return target
	}
	kept, dropped := make([]string, 0, 8), false
	for _, pair := range strings.Split(rest, "&") {
		if key, _, _ := strings.Cut(pair, "="); same(key, name) || behindSemicolon(pair, name) {
			dropped = true
			continue
		}
		kept = append(kept, pair)
	}
	switch {
	case !dropped:
		return target
	case len(kept) == 0:
		return path
	}
	return path + "?" + strings.Join(kept, "&")
}

// WithoutCookie is a Cookie field without a cookie; empty if it has no other.
func WithoutCookie(value, name string) string {
	var kept []string
	dropped := false
	for _, pair := range strings.Split(value, ";") {
		if key, _, _ := strings.Cut(pair, "="); same(strings.Trim(key, " \t"), name) {
			dropped = true
			continue
		}
		kept = append(kept, strings.Trim(pair, " \t"))
	}
	if !dropped {
		return value
	}
	return strings.Join(kept, "; ")
}

// Carries reports whether a field of the place's name has what it is for.
func (p *Place) Carries(value string) bool {
	if p.Scheme == "" {
		return true
	}
	scheme, _, _ := strings.Cut(value, " ")
	return strings.EqualFold(scheme, p.Scheme)
}
