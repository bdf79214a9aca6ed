package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// secretKind is the word in a placeholder. What a placeholder replaces never reaches a sink.
type secretKind string

const (
	secretValue secretKind = "[masked]"
	secretCard  secretKind = "[card]"
	secretJWT   secretKind = "[jwt]"
	secretKey   secretKind = "[key]"
	secretEmail secretKind = "[email]"
)

var secretKinds = []secretKind{secretValue, secretCard, secretJWT, secretKey, secretEmail}

// hashDigits of a keyed hash are written: enough to tell values apart, too few to be a checksum of them.
const hashDigits = 12

// hide is what stands in the place of a secret. In addresses it has neither spaces nor #.
func (p *Policy) hide(kind secretKind, secret string, style textKind) string {
	if p == nil || len(p.key) == 0 || secretKind(secret) == kind {
		return string(kind)
	}
	if again(secret) {
		return secret
	}
	between := " #"
	if style == inPath || style == inQuery {
		between = "."
	}
	return string(kind[:len(kind)-1]) + between + p.hash(kind, secret) + "]"
}

// hideAll is what stands in the place of a whole value.
func (p *Policy) hideAll(secret string) string {
	if wholeMasked(secret) || again(secret) {
		return secret
	}
	text := "[masked " + strconv.Itoa(len(secret)) + " bytes"
	if p != nil && len(p.key) > 0 {
		text += " #" + p.hash(secretValue, secret)
	}
	return text + "]"
}

// hash is the same for two values only if they are the same. Of cards only digits count.
func (p *Policy) hash(kind secretKind, secret string) string {
	if kind == secretCard {
		secret = strings.Map(func(c rune) rune {
			if c < '0' || c > '9' {
				return -1
			}
			return c
		}, decodePercent(secret))
	}
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(secret))
	return hex.EncodeToString(mac.Sum(nil))[:hashDigits]
}

// wholeMasked reports whether a whole value has already been replaced.
func wholeMasked(s string) bool {
	rest, ok := strings.CutPrefix(s, "[masked ")
	if !ok {
		return false
	}
	digits, rest, ok := strings.Cut(rest, " bytes")
	if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" || len(digits) > 10 {
		return false
	}
	if rest == "]" {
		return true
	}
	hash, ok := strings.CutPrefix(rest, " #")
	return ok && hashed(hash)
}

// again reports whether a secret that was found is a placeholder with a hash.
func again(s string) bool {
	for _, kind := range secretKinds {
		rest, ok := strings.CutPrefix(s, string(kind[:len(kind)-1]))
		if !ok {
			continue
		}
		if hash, ok := strings.CutPrefix(rest, " #"); ok && hashed(hash) {
			return true
		}
		if hash, ok := strings.CutPrefix(rest, "."); ok && hashed(hash) {
			return true
		}
	}
	return false
}

// Placeholder returns where the first placeholder stands in text that was masked; -1: there is none.
func Placeholder(text string) int {
	for from := 0; ; from++ {
		at := strings.IndexByte(text[from:], '[')
		if at < 0 {
			return -1
		}
		from += at
		end := strings.IndexByte(text[from:], ']')
		if end < 0 {
			return -1
		}
		one := text[from : from+end+1]
		if wholeMasked(one) || again(one) || slices.Contains(secretKinds, secretKind(one)) {
			return from
		}
	}
}

// hashed accepts the digits of a hash and the bracket behind them.
func hashed(s string) bool {
	digits, ok := strings.CutSuffix(s, "]")
	return ok && len(digits) == hashDigits && strings.Trim(digits, "0123456789abcdef") == ""
}
