package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/wafer-waf/wafer/message"
)

// Allow says which certificates are let in, of those that are verified: those of which one of these is true. None
// at all lets all in.
type Allow struct {
	DNS  []string // names, exact or "*.example.com"
	URI  []string // exact, or a beginning that ends with "*"
	CN   []string
	SPKI []string // as [ReadSPKI] returns them
}

// Admits reports whether a client is let in.
func (a *Allow) Admits(c *message.ClientCertificate) bool {
	if a == nil || len(a.DNS)+len(a.URI)+len(a.CN)+len(a.SPKI) == 0 {
		return true
	}
	for _, want := range a.SPKI {
		if c.SPKI == want {
			return true
		}
	}
	for _, want := range a.CN {
		if c.CN == want {
			return true
		}
	}
	for _, uri := range c.URIs {
		for _, want := range a.URI {
			if begin, open := strings.CutSuffix(want, "*"); uri == want || open && strings.HasPrefix(uri, begin) {
				return true
			}
		}
	}
	for _, name := range c.DNS {
		for _, want := range a.DNS {
			if matches(want, name) {
				return true
			}
		}
	}
	return false
}

// matches compares names without regard to case; a wildcard stands for one label.
func matches(want, name string) bool {
	if parent, ok := strings.CutPrefix(want, "*."); ok {
		_, above, found := strings.Cut(name, ".")
		return found && strings.EqualFold(above, parent)
	}
	return strings.EqualFold(want, name)
}

// ReadSPKI reads the SHA-256 of a public key: in hex, with or without colons, or in base64, with or without
// "sha256/" before it.
func ReadSPKI(text string) (string, error) {
	plain := strings.ToLower(strings.ReplaceAll(text, ":", ""))
	if sum, err := hex.DecodeString(plain); err == nil && len(sum) == sha256.Size {
		return plain, nil
	}
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "sha256/")); err == nil && len(sum) == sha256.Size {
		return hex.EncodeToString(sum), nil
	}
	return "", errors.New("not the SHA-256 of a public key: 64 digits of hex, or sha256/ and base64")
}
