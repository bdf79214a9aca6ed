package wire

// Fields whose values frame or route a message. They are the first of the singletons.
const (
	fieldHost = iota
	fieldContentLength
	fieldTransferEncoding
	fieldExpect
	fieldOther
)

// singletons may occur once (RFC 9110 5.3: they are no lists). Of a repeated one, one
// reader takes the first and another the last.
var singletons = [...]string{
	fieldHost: "host", fieldContentLength: "content-length", fieldTransferEncoding: "transfer-encoding", fieldExpect: "expect",
	fieldOther: "content-type", "authorization", "user-agent", "range", "content-range", "referer", "origin",
	"content-disposition", "max-forwards", "proxy-authorization", "if-modified-since", "if-unmodified-since",
	"date", "from", "sec-websocket-key",
}

// trailersForbidden frame, route or authenticate a request, or say how its body is read
// (RFC 9110 6.5.1).
var trailersForbidden = [...]string{
	"content-length", "transfer-encoding", "host", "authorization", "cookie", "set-cookie", "content-type",
	"content-encoding", "content-range", "trailer", "te", "connection", "expect", "location", "range",
	"max-forwards", "keep-alive", "upgrade", "proxy-connection", "proxy-authorization", "proxy-authenticate",
	"www-authenticate", "forwarded", "x-real-ip",
}

var (
	singleton = nameIndex(singletons[:])
	forbidden = nameIndex(trailersForbidden[:])
)

// names finds a field name in a fixed list: the candidates by their length.
type names [32][]candidate

type candidate struct {
	name string
	at   int
}

func nameIndex(list []string) *names {
	var n names
	for i, name := range list {
		n[len(name)] = append(n[len(name)], candidate{name, i})
	}
	return &n
}

// find returns the place of the name in the list, or -1.
func (n *names) find(name []byte) int {
	if len(name) >= len(n) {
		return -1
	}
	for i := range n[len(name)] {
		if c := &n[len(name)][i]; name[0]|0x20 == c.name[0] && fold(name, c.name) {
			return c.at
		}
	}
	return -1
}

// splitField splits a field line, and judges the bytes of name and value.
func splitField(line []byte) (name, value []byte, v *Violation) {
	i := 0
	for i < len(line) && class[line[i]]&tokenByte != 0 {
		i++
	}
	switch {
	case i > 0 && i < len(line) && line[i] == ':':
		if value = line[i+1:]; !clean(value) {
			return nil, nil, controlByte
		}
		return line[:i], trim(value), nil
	case line[0] == ' ' || line[0] == '\t':
		return nil, nil, orControlByte(line, obsFold)
	}
	return nil, nil, orControlByte(line, fieldName)
}

// orControlByte returns the violation v of a line, unless control bytes are the simpler
// explanation.
func orControlByte(line []byte, v *Violation) *Violation {
	if !clean(line) {
		return controlByte
	}
	return v
}

// mayTrail reports whether a trailer of that name is harmless enough to be dropped without
// a word.
func mayTrail(name []byte) bool {
	const forwarded = "x-forwarded"
	return forbidden.find(name) < 0 && (len(name) < len(forwarded) || !fold(name[:len(forwarded)], forwarded))
}
