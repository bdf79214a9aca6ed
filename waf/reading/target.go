package reading

import (
	"net/url"
	"strings"
)

// Classes of bytes in a path.
const (
	other   = iota // net/url may encode it again, or refuse it
	plain          // net/url leaves it alone
	percent        // begins an escape
)

var pathClass = func() (t [256]uint8) {
	for c := '0'; c <= '9'; c++ {
		t[c] = plain
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-0x20] = plain, plain
	}
	for _, c := range "-_.~$&+,/:;=@!'()*[]" { // RFC 3986 pchar, "/", and what net/url adds
		t[c] = plain
	}
	t['%'] = percent
	return t
}()

// target adds what Coraza reads from a request target (transaction.go, ProcessURI): it cuts a
// fragment, and parses with net/url, which decodes the path and may encode it anew for
// REQUEST_URI.
func (v *Values) target(raw string) {
	v.set(RequestURIRaw, raw)
	uri, _, _ := strings.Cut(raw, "#")
	path, query, ok := v.ordinary(uri)
	if !ok {
		path, query = v.parsed(uri)
	} else {
		v.set(RequestURI, uri)
	}
	v.set(RequestFilename, path)
	base := path
	if i := strings.LastIndexAny(path, `/\`); i >= 0 && i+1 < len(path) {
		base = path[i+1:]
	}
	v.set(RequestBasename, base)
	v.set(QueryString, query)

	if !v.pairs(query, ArgsGet) {
		v.limit()
	}
	for i, n := 0, len(v.found); i < n; i++ {
		v.embedded(ArgsGet, v.found[i].Key, v.found[i].Text)
	}
	if raw != "" && raw[0] == '/' {
		received, _, _ := strings.Cut(uri, "?")
		v.otherPaths(received, path)
	}
	v.settle()
	v.names(ArgsGet, ArgsGetNames)
	v.names(ArgsPath, ArgsPathNames)
}

// ordinary splits an absolute path that net/url parses and then writes as it was. One that
// begins with two slashes is left to net/url.
func (v *Values) ordinary(uri string) (path, query string, ok bool) {
	if uri == "*" {
		return uri, "", true
	}
	if uri == "" || uri[0] != '/' || len(uri) > 1 && uri[1] == '/' {
		return "", "", false
	}
	end, escapes := len(uri), 0
scan:
	for i := 0; i < len(uri); i++ {
		switch c := uri[i]; pathClass[c] {
		case plain:
		case percent:
			if i+2 >= len(uri) || unhex[uri[i+1]] < 0 || unhex[uri[i+2]] < 0 {
				return "", "", false
			}
			escapes++
		default:
			if c != '?' {
				return "", "", false
			}
			end = i
			break scan
		}
	}
	path = uri[:end]
	if end < len(uri) {
		query = uri[end+1:]
	}
	for i := range len(query) {
		if query[i] < ' ' || query[i] == 0x7f {
			return "", "", false
		}
	}
	if escapes > 0 {
		path = v.unescapeRaw(path)
	}
	return path, query, true
}

// parsed is the rare case.
func (v *Values) parsed(uri string) (path, query string) {
	if u, err := url.ParseRequestURI(uri); err == nil {
		v.set(RequestURI, u.String())
		return u.Path, u.RawQuery
	}
	v.set(URIParseError, "1")
	v.set(RequestURI, uri)
	path, query, _ = strings.Cut(uri, "?")
	return path, query
}
