package wire

import "bytes"

const maxMethod = 32

// Protocol versions that are spoken.
const (
	http10 = "HTTP/1.0"
	http11 = "HTTP/1.1"
)

// startLine is what a request line says (RFC 9112 3).
type startLine struct {
	old       bool   // HTTP/1.0
	absolute  bool   // absolute-form: authority must be what Host says
	authority []byte // of an absolute-form target
}

// readStartLine judges a request line without its CRLF.
func readStartLine(line []byte, targetBytes int) (startLine, *Violation) {
	var s startLine
	first, last := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ' ')
	if first <= 0 || last <= first+1 || last == len(line)-1 {
		return s, requestLine
	}
	method, target, version := line[:first], line[first+1:last], line[last+1:]
	if len(method) > maxMethod {
		return s, methodSize
	}
	if !all(method, tokenByte) {
		return s, methodToken
	}
	switch string(version) {
	case http11:
	case http10:
		s.old = true
	default:
		return s, badVersion(line, version)
	}
	if len(target) > targetBytes {
		return s, targetSize
	}
	if bytes.IndexByte(target, ' ') >= 0 {
		return s, requestLine
	}
	if !all(target, targetOnly) {
		return s, targetByte
	}
	if refusedMethod(method) {
		return s, methodRefused
	}
	if target[0] == '/' {
		return s, nil
	}
	if len(target) == 1 && target[0] == '*' {
		if string(method) != "OPTIONS" {
			return s, targetForm
		}
		return s, nil
	}
	var v *Violation
	s.absolute = true
	s.authority, v = authorityOf(target)
	return s, v
}

// refusedMethod reports whether no application is asked that, in any case: some do not tell "trace" from
// "TRACE".
func refusedMethod(method []byte) bool {
	return fold(method, "connect") || fold(method, "trace") || fold(method, "track")
}

// maxStartText bounds what is kept of a request line for a log.
const maxStartText = 2 << 10

// startText is what can be told of a request line that nobody answers for: copies, for people to read.
type startText struct{ method, target string }

// readStartText finds a method and a target in the beginning of a head, whatever is wrong with it. What may
// be the end of a body that was framed wrongly, or the beginning of a password, is not told: a method that is
// none, and of a line that has not ended a target that is no path.
func readStartText(b []byte) startText {
	line, _, whole := bytes.Cut(b[:min(len(b), maxStartText)], []byte("\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, version, _ := bytes.Cut(bytes.TrimSuffix(rest, []byte("\r")), []byte(" "))
	path := len(target) > 0 && target[0] == '/'
	if len(method) > maxMethod || !all(method, tokenByte) {
		if !whole || !path || !bytes.HasPrefix(version, []byte("HTTP/")) {
			return startText{}
		}
		method = nil
	}
	if !whole && !path {
		target = nil
	}
	return startText{string(method), string(target)}
}

// authorityOf returns the authority of an absolute-form target. Whether it is a good one
// is decided by comparing it with the Host field.
func authorityOf(target []byte) ([]byte, *Violation) {
	rest, ok := bytes.CutPrefix(target, []byte("http://"))
	if !ok {
		if rest, ok = bytes.CutPrefix(target, []byte("https://")); !ok {
			return nil, targetForm
		}
	}
	if i := bytes.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	if len(rest) == 0 {
		return nil, targetForm
	}
	if bytes.IndexByte(rest, '@') >= 0 {
		return nil, userinfo
	}
	return rest, nil
}

// badVersion tells versions that are not spoken from what is no version at all.
func badVersion(line, version []byte) *Violation {
	digit := func(b byte) bool { return b >= '0' && b <= '9' }
	switch {
	case string(line) == "PRI * HTTP/2.0":
		return http2Preface
	case len(version) == len(http11) && string(version[:5]) == "HTTP/" &&
		digit(version[5]) && version[6] == '.' && digit(version[7]):
		return versionUnknown
	}
	return versionSyntax
}
