package challenge

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// longestAnswer is enough for every integer that a script counts to.
const longestAnswer = 16

// done reports whether the answer to a puzzle is as much work as it asks for: the SHA-256 of the digits of its
// signature, a dot and the answer begins with that many zero bits. The text fits in one block of the hash, which
// the script makes use of.
func (s *slip) done(answer string) bool {
	if len(answer) == 0 || len(answer) > longestAnswer {
		return false
	}
	for i := range len(answer) {
		if answer[i] < '0' || answer[i] > '9' {
			return false
		}
	}
	var text [macDigits + 1 + longestAnswer]byte
	t := append(hex.AppendEncode(text[:0], s.mac[:]), '.')
	sum := sha256.Sum256(append(t, answer...))
	return bits.LeadingZeros64(binary.BigEndian.Uint64(sum[:])) >= int(s.bits)
}
