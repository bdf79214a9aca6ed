package token

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// What an API key, and a file of them, may have.
const (
	maxAPIKey  = 512 // bytes
	maxAPIKeys = 100_000
)

// APIKeys are the keys in a file, by their hashes. They are never changed.
type APIKeys struct{ byHash map[[sha256.Size]byte]apiKey }

type apiKey struct {
	hash   [sha256.Size]byte
	client string
	until  time.Time // zero: for ever
}

// ParseAPIKeys reads a file of keys: in each line the name of a client, the SHA-256 of a key in hexadecimal and, if
// it is not for ever, until=TIME. A client may have several. What follows " #" says what people want to know.
func ParseAPIKeys(text string) (*APIKeys, error) {
	k := &APIKeys{byHash: map[[sha256.Size]byte]apiKey{}}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(" "+lines.Text(), " #")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		one, err := parseAPIKey(words)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if other, twice := k.byHash[one.hash]; twice {
			return nil, fmt.Errorf("line %d: the key is there before, as one of %q", n, other.client)
		}
		if k.byHash[one.hash] = one; len(k.byHash) > maxAPIKeys {
			return nil, fmt.Errorf("line %d: more than %d keys", n, maxAPIKeys)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return k, nil
}

func parseAPIKey(words []string) (k apiKey, err error) {
	if len(words) < 2 || len(words) > 3 {
		return k, fmt.Errorf("%d words: write CLIENT SHA256, and until=2027-01-31T00:00:00Z if it ends", len(words))
	}
	k.client = words[0]
	for i := 0; i < len(k.client); i++ {
		if c := k.client[i]; c <= ' ' || c >= 0x7f || c == ',' || i == 128 {
			return k, fmt.Errorf("%.128q is no name of a client: at most 128 of ASCII, without commas", k.client)
		}
	}
	digits := strings.TrimPrefix(words[1], "sha256:")
	if n, err := hex.Decode(k.hash[:], []byte(digits[:min(len(digits), 2*sha256.Size)])); err != nil || n != sha256.Size || len(digits) != 2*sha256.Size {
		// The word is not shown: somebody may have written the key itself.
		return k, fmt.Errorf("of client %q: not 64 hexadecimal digits: write the SHA-256 of the key, not the key", k.client)
	}
	if len(words) == 3 {
		at, ok := strings.CutPrefix(words[2], "until=")
		if k.until, err = time.Parse(time.RFC3339, at); !ok || err != nil {
			return k, fmt.Errorf("of client %q: write until=2027-01-31T00:00:00Z", k.client)
		}
	}
	return k, nil
}

// Len is how many keys there are.
func (k *APIKeys) Len() int { return len(k.byHash) }

// Has reports whether any key is one of the client's.
func (k *APIKeys) Has(client string) bool {
	for _, one := range k.byHash {
		if one.client == client {
			return true
		}
	}
	return false
}

// Client returns whose key a request carries. How long that takes says nothing of the keys: what is looked up is a
// hash that nobody can choose the beginning of, and the last comparison takes the same time for all.
func (k *APIKeys) Client(places []Place, r *Request) (string, Reason) {
	c := carriedIn(places, r.Fields, r.Target)
	switch {
	case c.many:
		return "", Several
	case !c.found:
		return "", Missing
	case len(c.text) > maxAPIKey:
		return "", TooLarge
	}
	h := hash(c.text)
	one, known := k.byHash[h]
	switch {
	case subtle.ConstantTimeCompare(one.hash[:], h[:]) != 1, !known:
		return "", NotAKey
	case !one.until.IsZero() && !r.Now.Before(one.until):
		return "", Expired
	}
	return one.client, None
}
