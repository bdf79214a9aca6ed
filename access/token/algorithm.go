package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// DefaultAlgorithms are those of an issuer that names none.
var DefaultAlgorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}

// Algorithms are all that can be allowed. Those that begin with HS need a secret, and no others use one; "none" is
// not among them.
var Algorithms = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512",
}

// Symmetric reports whether an algorithm signs with a secret that whoever verifies has, too.
func Symmetric(algorithm string) bool { return len(algorithm) > 2 && algorithm[:2] == "HS" }

// What a key of RSA may have: less is broken, more takes long to verify with.
const (
	leastRSABits = 2048
	mostRSABits  = 8192
)

// LeastSecret is how many bytes a secret has at least: fewer can be guessed from one token.
const LeastSecret = 32

// usable says what is wrong with a public key; nil: nothing.
func usable(key any) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < leastRSABits || bits > mostRSABits {
			return fmt.Errorf("an RSA key of %d bits: %d to %d are taken", bits, leastRSABits, mostRSABits)
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return fmt.Errorf("a key of a kind that signs no tokens (%T)", key)
	}
	return nil
}

// fits reports whether a key is one of those that an algorithm verifies with, so that no key is ever taken for
// another kind of one: a public key is no secret.
func fits(algorithm jose.SignatureAlgorithm, key any) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return slices.Contains([]jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}, algorithm)
	case *ecdsa.PublicKey:
		switch algorithm {
		case jose.ES256:
			return k.Curve == elliptic.P256()
		case jose.ES384:
			return k.Curve == elliptic.P384()
		case jose.ES512:
			return k.Curve == elliptic.P521()
		}
	case ed25519.PublicKey:
		return algorithm == jose.EdDSA && len(k) == ed25519.PublicKeySize
	case []byte:
		return Symmetric(string(algorithm)) && len(k) >= LeastSecret
	}
	return false
}
