package grpc

import "encoding/binary"

// PrefixBytes is how long the prefix of a message is.
const PrefixBytes = 5

// Prefix says what follows it.
type Prefix struct {
	Flags  byte
	Length uint32
}

// Flags of a prefix.
const (
	Compressed = 1
	Trailers   = 0x80 // of gRPC-Web: what follows is no message
)

// ParsePrefix reads a prefix from its bytes, of which there are enough.
func ParsePrefix(b []byte) Prefix {
	return Prefix{b[0], binary.BigEndian.Uint32(b[1:PrefixBytes])}
}

// Append appends the bytes of p.
func (p Prefix) Append(dst []byte) []byte {
	return binary.BigEndian.AppendUint32(append(dst, p.Flags), p.Length)
}

// Valid reports whether everybody reads the prefix alike, in that form.
func (p Prefix) Valid(f Form) bool {
	known := byte(Compressed)
	if f.IsWeb() {
		known |= Trailers
	}
	return p.Flags&^known == 0
}
