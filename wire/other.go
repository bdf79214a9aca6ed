package wire

import "github.com/wafer-waf/wafer/listen"

// Head judges a head that came in other frames than those of HTTP/1 by the same rules, so that it can be
// written as one of HTTP/1 and be read in one way. It keeps nothing that it is given. The zero value is
// ready for one head.
type Head struct {
	head    head
	scratch []byte
}

// Reset makes it ready for the next head.
func (h *Head) Reset() { *h = Head{scratch: h.scratch[:0]} }

// Start judges the method and the target, which has to be in origin-form or "*".
func (h *Head) Start(method, target string, targetBytes int) *listen.Violation {
	h.scratch = append(append(append(h.scratch[:0], method...), ' '), target...)
	m, t := h.scratch[:len(method)], h.scratch[len(method)+1:]
	switch {
	case len(m) > maxMethod:
		return methodSize
	case !clean(m) || !clean(t):
		return controlByte
	case len(m) == 0 || !all(m, tokenByte):
		return methodToken
	case len(t) > targetBytes:
		return targetSize
	case !all(t, targetOnly):
		return targetByte
	case refusedMethod(m):
		return methodRefused
	case string(t) == "*" && method == "OPTIONS":
		return nil
	case len(t) == 0 || t[0] != '/':
		return targetForm
	}
	return nil
}

// Field judges a field line, name and value, of which the name may be in any case.
func (h *Head) Field(name, value string) *listen.Violation {
	h.scratch = append(append(h.scratch[:0], name...), value...)
	n, v := h.scratch[:len(name)], h.scratch[len(name):]
	switch {
	case !clean(n) || !clean(v):
		return controlByte
	case len(n) == 0 || !all(n, tokenByte):
		return fieldName
	}
	return h.head.judge(n, v, span{})
}

// Trailer judges a field behind a body as [Head.Field] does one before it.
func (h *Head) Trailer(name, value string) *listen.Violation {
	if v := h.Field(name, value); v != nil {
		return v
	}
	if !mayTrail(h.scratch[:len(name)]) {
		return trailerForbidden
	}
	return nil
}

// Length is the length that the fields announce.
func (h *Head) Length() (bytes int64, announced bool) { return h.head.length, h.head.sized }

// Hosted reports whether there was a Host field.
func (h *Head) Hosted() bool { return h.head.seen&(1<<fieldHost) != 0 }

// Same reports whether two authorities are equal but for the case of letters.
func Same(a, b string) bool { return same([]byte(a), []byte(b)) }
