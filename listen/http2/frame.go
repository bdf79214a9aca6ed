package http2

import (
	"encoding/binary"
	"strconv"
)

// The types of frames (RFC 9113, 6).
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameSettings     = 0x4
	frameGoAway       = 0x7
	frameWindow       = 0x8
	frameContinuation = 0x9
)

// Flags of frames.
const (
	flagEndStream  = 0x1 // DATA, HEADERS
	flagEndHeaders = 0x4 // HEADERS, CONTINUATION
	flagPadded     = 0x8 // DATA, HEADERS
	flagPriority   = 0x20
)

// Codes of errors (RFC 9113, 7).
const (
	codeNone     = 0x0
	codeInternal = 0x2
	codeClosed   = 0x5
	codeCalm     = 0xb // ENHANCE_YOUR_CALM
)

// headBytes is the size of what a frame begins with.
const headBytes = 9

// maxFrame is the largest payload that is taken: what every peer may send (RFC 9113, 4.2).
const maxFrame = 16 << 10

// frame is the beginning of a frame.
type frame struct {
	length int
	kind   byte
	flags  byte
	stream uint32
}

func parseFrame(b []byte) frame {
	return frame{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   b[3], flags: b[4],
		stream: binary.BigEndian.Uint32(b[5:]) &^ (1 << 31),
	}
}

func (f *frame) has(flag byte) bool { return f.flags&flag != 0 }

func (f *frame) append(b []byte) []byte {
	b = append(b, byte(f.length>>16), byte(f.length>>8), byte(f.length), f.kind, f.flags)
	return binary.BigEndian.AppendUint32(b, f.stream)
}

// What stands in heads for the server, in the encoding of HPACK (RFC 7541): entries of its static table, and
// literals that enter no other.
const (
	hpackGet    = 0x82
	hpackPost   = 0x83
	hpackHTTP   = 0x86
	hpackMethod = 0x02 // followed by a value
	hpackPath   = 0x04 // likewise
	hpackBroken = 0x80 // an entry that there is none of
)

// hpackLength is the name content-length, followed by a value.
var hpackLength = []byte{0x0f, 0x0d}

// appendHead appends a frame with a head that names a stream in place of the target.
func appendHead(b []byte, f frame, priority []byte, method string, length int64) []byte {
	at := len(b)
	f.length, f.kind, f.flags = 0, frameHeaders, f.flags&(flagEndStream|flagPriority)|flagEndHeaders
	b = append(f.append(b), priority...)
	switch method {
	case "HEAD": // whose response has no body
		b = append(b, hpackMethod, byte(len(method)))
		b = append(b, method...)
	case "GET":
		b = append(b, hpackGet)
	default:
		b = append(b, hpackPost)
	}
	b = append(b, hpackHTTP, hpackPath)
	b = appendValue(b, append([]byte{'/'}, strconv.FormatUint(uint64(f.stream), 10)...))
	if length >= 0 && !f.has(flagEndStream) {
		b = append(b, hpackLength...)
		b = appendValue(b, strconv.AppendInt(nil, length, 10))
	}
	b[at+2] = byte(len(b) - at - headBytes) // the length, which is small
	return b
}

// appendValue appends a short string.
func appendValue(b, value []byte) []byte { return append(append(b, byte(len(value))), value...) }

// appendMalformed appends a head that is no request, or trailers that are none, so that the server resets
// the stream with PROTOCOL_ERROR.
func appendMalformed(b []byte, f frame, priority []byte) []byte {
	f.kind, f.flags = frameHeaders, f.flags&flagPriority|flagEndStream|flagEndHeaders
	f.length = len(priority) + 1
	return append(append(f.append(b), priority...), hpackHTTP)
}

// appendUndecodable appends a head for which the server ends the connection with COMPRESSION_ERROR.
func appendUndecodable(b []byte, stream uint32) []byte {
	f := frame{length: 1, kind: frameHeaders, flags: flagEndHeaders | flagEndStream, stream: stream}
	return append(f.append(b), hpackBroken)
}

// appendMisplaced appends a frame for which the server ends the connection with PROTOCOL_ERROR.
func appendMisplaced(b []byte, stream uint32) []byte {
	f := frame{kind: frameContinuation, flags: flagEndHeaders, stream: max(stream, 1)}
	return f.append(b)
}

// goAway is a frame that ends a connection whose last stream is known.
func goAway(last uint32, code byte) []byte {
	f := frame{length: 8, kind: frameGoAway}
	b := binary.BigEndian.AppendUint32(f.append(nil), last)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}
