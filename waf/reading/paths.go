package reading

import (
	"strings"

	"github.com/wafer-waf/wafer/message"
)

// What servers make of a path beside REQUEST_FILENAME, which is the path decoded once, is shown as ARGS_PATH:
// to rules about arguments, since parts of a path are arguments to most applications.

// pathKey is the key of these values.
const pathKey = "path"

// What the bytes of a path mean to some servers, as bits.
const (
	pathSlash     uint8 = 1 << iota // an escaped one
	pathBackslash                   // escaped or not
	pathParameter                   // ";"
	pathTwice                       // an escape of "%"
	pathEmpty                       // slashes in a row
	pathLead                        // may begin an overlong character
	pathText                        // a segment with it is more than a word
	pathEscape                      // "%", which counts for what it begins
)

// otherPaths adds the readings of a path, as it was received, that differ from path, which is decoded once.
func (v *Values) otherPaths(raw, path string) {
	seen := pathOddities(raw)
	if seen == 0 {
		return
	}
	twice := path
	if seen&pathTwice != 0 {
		if twice = v.unescapeRaw(path); twice != path {
			v.put(ArgsPath, pathKey, twice)
		}
	}
	if seen&pathLead != 0 && overlong(path) {
		v.put(ArgsPath, pathKey, v.shorten(path))
	}
	if seen&^pathText != 0 {
		if plain := v.plainPath(raw, seen); plain != path && plain != twice {
			v.put(ArgsPath, pathKey, plain)
		}
	}
	if seen&(pathSlash|pathBackslash|pathTwice|pathParameter|pathText) != 0 && !v.pathSegments(raw) {
		v.limit()
	}
}

// pathByte are the oddities of a byte as it stands in a path.
var pathByte = func() (t [256]uint8) {
	for c := range t {
		if c <= ' ' || c == 0x7f || strings.IndexByte("\"'`()<>{}|&$*", byte(c)) >= 0 {
			t[c] = pathText
		}
	}
	t[';'] = pathParameter
	t['\\'] = pathBackslash
	t['%'] = pathEscape
	return t
}()

func pathOddities(raw string) (seen uint8) {
	for i := range len(raw) {
		c := raw[i]
		if c == '/' && i > 0 && raw[i-1] == '/' {
			seen |= pathEmpty
		}
		class := pathByte[c]
		if class != pathEscape {
			seen |= class
			continue
		}
		switch c, ok := hexNumber(raw, i+1, 2); {
		case !ok:
		case c == '/':
			seen |= pathSlash
		case c == '%':
			seen |= pathTwice
		case pairByte[c]&lead != 0:
			seen |= pathLead
		case c == ';':
			seen |= pathText // it cuts nothing
		default:
			seen |= pathByte[c]
		}
	}
	return seen
}

// plainPath is the path of a server that does all that servers do: it cuts parameters, decodes until there
// are no escapes of escapes, takes backslashes for slashes, and slashes in a row for one.
func (v *Values) plainPath(raw string, seen uint8) string {
	v.arena.room(len(raw))
	from := len(v.arena.buf)
	for i := 0; i < len(raw); i++ {
		if raw[i] == ';' { // up to the next slash that nobody takes for anything else
			end := strings.IndexByte(raw[i:], '/')
			if end < 0 {
				break
			}
			i += end
		}
		v.arena.buf = append(v.arena.buf, raw[i])
	}
	cut := v.arena.since(from)
	plain := v.unescapeRaw(cut)
	if seen&pathTwice != 0 {
		plain = v.unescapeRaw(plain)
	}
	v.arena.room(len(plain))
	from = len(v.arena.buf)
	for i := range len(plain) {
		c := plain[i]
		if c == '\\' {
			c = '/'
		}
		if n := len(v.arena.buf); c != '/' || n == from || v.arena.buf[n-1] != '/' {
			v.arena.buf = append(v.arena.buf, c)
		}
	}
	return v.arena.since(from)
}

// pathSegments adds the segments that are more than a word, since routers hand them to applications as
// arguments: those with a separator or an escape in them to servers that split before they decode, and
// those with space, quotes, brackets and the like, in which an attack may stand. It adds the values of
// parameters that are not plain words. It reports whether these were all.
func (v *Values) pathSegments(raw string) (whole bool) {
	for from := len(v.found); raw != ""; {
		var segment string
		segment, raw, _ = strings.Cut(raw, "/")
		if seen := pathOddities(segment); seen&pathParameter != 0 && seen&pathText != 0 {
			v.put(ArgsPath, pathKey, v.unescapeRaw(segment))
		}
		segment, parameters, _ := strings.Cut(segment, ";")
		if len(v.found)-from >= argumentsLimit {
			return false
		}
		if pathOddities(segment) != 0 {
			decoded := v.unescapeRaw(segment)
			v.put(ArgsPath, pathKey, decoded)
			if twice := v.unescapeRaw(decoded); twice != decoded {
				v.put(ArgsPath, pathKey, twice)
			}
		}
		for parameters != "" {
			if len(v.found)-from >= argumentsLimit {
				return false
			}
			var parameter string
			parameter, parameters, _ = strings.Cut(parameters, ";")
			_, value, found := strings.Cut(parameter, "=")
			if !found {
				value = parameter
			}
			if value != "" && !message.IsToken(value) || strings.IndexByte(value, '%') >= 0 {
				v.put(ArgsPath, pathKey, v.unescapeRaw(value))
			}
		}
	}
	return true
}
