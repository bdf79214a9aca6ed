package balance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// Hash is the key of a text. All replicas, of any version, find the same one.
func Hash(text string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for i := 0; i < len(text); i++ {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return mix(h)
}

// mix spreads what is in a few bits over all of them.
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// tokenBytes is how long tokens are: too long for two of them to be the same, or for somebody to guess one.
const tokenBytes = 15

// token names a member to those who know the secret, and nothing to anybody else.
func token(secret []byte, name string) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(name))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:tokenBytes])
}
