package transform

import (
	"crypto/fips140"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"unsafe"
)

// bytesOf returns the bytes of s without a copy, to be read only.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// length is the number of bytes in decimal (length.go of Coraza).
func length(s string, b *Buffer) (string, bool) {
	return b.keep(strconv.AppendInt(b.reserve(20), int64(len(s)), 10)), true
}

// md5Digest is the 16 bytes of the digest. Under FIPS 140-3 Coraza's is an error (md5.go).
func md5Digest(s string, b *Buffer) (string, bool) {
	if fips140.Enabled() {
		return s, false
	}
	sum := md5.Sum(bytesOf(s))
	return b.keep(append(b.reserve(len(sum)), sum[:]...)), true
}

// sha1Digest is the 20 bytes of the digest. Under FIPS 140-3 Coraza's is an error (sha1.go).
func sha1Digest(s string, b *Buffer) (string, bool) {
	if fips140.Enabled() {
		return s, false
	}
	sum := sha1.Sum(bytesOf(s))
	return b.keep(append(b.reserve(len(sum)), sum[:]...)), true
}

func hexEncode(s string, b *Buffer) (string, bool) {
	return b.keep(hex.AppendEncode(b.reserve(2*len(s)), bytesOf(s))), true
}

// hexDecode fails in Coraza if s is not pairs of digits (hex_decode.go).
func hexDecode(s string, b *Buffer) (string, bool) {
	if len(s)%2 != 0 {
		return s, false
	}
	d := b.reserve(len(s) / 2)
	for i := 0; i < len(s); i += 2 {
		c, ok := hexByte(s[i], s[i+1])
		if !ok {
			return s, false
		}
		d = append(d, c)
	}
	return b.keep(d), true
}

func base64Encode(s string, b *Buffer) (string, bool) {
	d := b.reserve(base64.StdEncoding.EncodedLen(len(s)))
	return b.keep(base64.StdEncoding.AppendEncode(d, bytesOf(s))), true
}

// What the base64 decoders do with a byte that is not in the alphabet.
const (
	base64Skip = 0x80 + iota
	base64Stop
)

var (
	base64Strict   = base64Values(false)
	base64Tolerant = base64Values(true)
)

// base64Values is the value of each byte, or what is done with it. Both decoders skip line breaks
// and stop at "=". The tolerant one knows the alphabet of URLs too and skips all the rest, where
// the strict one stops.
func base64Values(tolerant bool) *[256]uint8 {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var value [256]uint8
	for i := range value {
		value[i] = base64Stop
		if tolerant {
			value[i] = base64Skip
		}
	}
	for i := range len(alphabet) {
		value[alphabet[i]] = uint8(i)
	}
	if tolerant {
		value['-'], value['_'] = value['+'], value['/']
	}
	value['\r'], value['\n'] = base64Skip, base64Skip
	value['='] = base64Stop
	return &value
}

func base64Decode(s string, b *Buffer) (string, bool) {
	return decodeBase64(s, b, base64Strict), true
}

func base64DecodeExt(s string, b *Buffer) (string, bool) {
	return decodeBase64(s, b, base64Tolerant), true
}

// decodeBase64 decodes what it can and drops bits that do not make a byte (base64decode.go of
// Coraza).
func decodeBase64(s string, b *Buffer, value *[256]uint8) string {
	d := b.reserve(len(s)/4*3 + 3)
	var bits uint32
	n := 0
	for i := 0; i < len(s); i++ {
		v := value[s[i]]
		if v == base64Stop {
			break
		}
		if v == base64Skip {
			continue
		}
		bits = bits<<6 | uint32(v)
		n++
		if n == 4 {
			d = append(d, byte(bits>>16), byte(bits>>8), byte(bits))
			n, bits = 0, 0
		}
	}
	switch n {
	case 2:
		d = append(d, byte(bits>>4))
	case 3:
		d = append(d, byte(bits>>10), byte(bits>>2))
	}
	return b.keep(d)
}
