package feed

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/blake2b"
)

// PublicKey verifies signatures: of minisign, or bare ones of Ed25519.
type PublicKey struct {
	key ed25519.PublicKey
	id  []byte // as minisign has it; nil: a bare key
}

// ParsePublicKey reads the Base64 text of a key: minisign's, of 42 bytes, or the 32 of Ed25519.
func ParsePublicKey(text string) (*PublicKey, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	switch {
	case err != nil:
		return nil, errors.New("no Base64: write the line that minisign shows for the key")
	case len(b) == ed25519.PublicKeySize:
		return &PublicKey{key: b}, nil
	case len(b) == 10+ed25519.PublicKeySize && string(b[:2]) == "Ed":
		return &PublicKey{key: b[10:], id: b[2:10]}, nil
	}
	return nil, errors.New("no public key of minisign or Ed25519")
}

var errSignature = errors.New("the signature is not that of the key")

// Verify tells whether a signature is the key's and of a text.
func (k *PublicKey) Verify(data, signature []byte) error {
	if k.id == nil {
		s, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(signature)))
		if err != nil || len(s) != ed25519.SignatureSize {
			return errors.New("the signature is not the Base64 of 64 bytes")
		}
		if !ed25519.Verify(k.key, data, s) {
			return errSignature
		}
		return nil
	}
	return k.verifyMinisign(data, signature)
}

// verifyMinisign reads the four lines of a file of minisign: a comment, the signature of the text, a comment that
// is signed, and the signature of the first signature and that comment.
func (k *PublicKey) verifyMinisign(data, file []byte) error {
	lines := strings.Split(strings.ReplaceAll(string(file), "\r\n", "\n"), "\n")
	if len(lines) < 4 || !strings.HasPrefix(lines[0], "untrusted comment:") {
		return errors.New("the signature is no file of minisign")
	}
	comment, trusted := strings.CutPrefix(lines[2], "trusted comment: ")
	first, err1 := base64.StdEncoding.DecodeString(lines[1])
	second, err2 := base64.StdEncoding.DecodeString(lines[3])
	if !trusted || errors.Join(err1, err2) != nil || len(first) != 10+ed25519.SignatureSize || len(second) != ed25519.SignatureSize {
		return errors.New("the signature is no file of minisign")
	}
	if id := first[2:10]; !bytes.Equal(id, k.id) {
		return fmt.Errorf("signed with the key %X, not with %X", reversed(id), reversed(k.id))
	}
	switch string(first[:2]) {
	case "Ed":
	case "ED": // of the hash
		sum := blake2b.Sum512(data)
		data = sum[:]
	default:
		return errors.New("the signature is of a kind that is not known")
	}
	s := first[10:]
	if !ed25519.Verify(k.key, data, s) || !ed25519.Verify(k.key, append(bytes.Clone(s), comment...), second) {
		return errSignature
	}
	return nil
}

// reversed is an id as minisign shows it.
func reversed(id []byte) []byte {
	out := make([]byte, len(id))
	for i, b := range id {
		out[len(id)-1-i] = b
	}
	return out
}
