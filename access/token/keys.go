package token

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// What a set of keys may have.
const (
	MaxKeySet = 1 << 20 // bytes
	maxKeys   = 256
	maxKeyID  = 256 // bytes
	// mostTried is how many keys are tried for a token that names none, or a name that several have.
	mostTried = 4
)

// Keys are the public keys of an issuer. They are never changed.
type Keys struct {
	byID    map[string][]key
	all     []key
	digest  [sha256.Size]byte
	skipped int
}

type key struct {
	public    any
	algorithm string // that it is for alone; empty: any that fits
}

// Len is how many keys there are.
func (k *Keys) Len() int { return len(k.all) }

// Skipped is how many keys of the set are not for signatures, or of kinds that are not known.
func (k *Keys) Skipped() int { return k.skipped }

// ParseKeys reads a set of keys (RFC 7517). Keys for something else than signatures, of kinds that are not known,
// and secrets are left out; a set with nothing else, or with a private key, is an error.
func ParseKeys(text []byte) (keys *Keys, err error) {
	defer func() { // what is fetched must not end the process, whatever a library makes of it
		if r := recover(); r != nil {
			keys, err = nil, fmt.Errorf("read key set: %v", r)
		}
	}()
	if len(text) > MaxKeySet {
		return nil, fmt.Errorf("a key set of more than %d bytes", MaxKeySet)
	}
	if deep(text) {
		return nil, errors.New("a key set that nests deep")
	}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("-----BEGIN")) {
		return nil, errors.New("keys in PEM: write a key set as RFC 7517 has it, {\"keys\": [...]}, with public keys")
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("no key set as RFC 7517 has it: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%d keys: at most %d are taken", len(set.Keys), maxKeys)
	}
	k := &Keys{byID: map[string][]key{}, digest: sha256.Sum256(text)}
	for i, raw := range set.Keys {
		if err := k.add(raw); err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
	}
	if len(k.all) == 0 {
		return nil, fmt.Errorf("no key for signatures among %d", len(set.Keys))
	}
	return k, nil
}

// add adds a key, or skips it.
func (k *Keys) add(raw []byte) error {
	var kind struct {
		Type       string   `json:"kty"`
		Operations []string `json:"key_ops"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return err
	}
	var parsed jose.JSONWebKey
	err := parsed.UnmarshalJSON(raw)
	switch {
	case kind.Type == "oct", errors.Is(err, jose.ErrUnsupportedKeyType):
		k.skipped++
		return nil
	case err != nil:
		return err
	case !parsed.IsPublic():
		return errors.New("a private key: nobody but the issuer should have it, take it out and replace it")
	case parsed.Use != "" && parsed.Use != "sig", len(kind.Operations) > 0 && !contains(kind.Operations, "verify"):
		k.skipped++
		return nil
	case len(parsed.KeyID) > maxKeyID:
		return fmt.Errorf("an id of %d bytes: at most %d are taken", len(parsed.KeyID), maxKeyID)
	}
	if err := usable(parsed.Key); err != nil {
		return err
	}
	one := key{public: parsed.Key, algorithm: parsed.Algorithm}
	k.all = append(k.all, one)
	k.byID[parsed.KeyID] = append(k.byID[parsed.KeyID], one)
	return nil
}

func contains(list []string, s string) bool {
	for _, t := range list {
		if s == t {
			return true
		}
	}
	return false
}

// secret is a set with one secret, which has no id.
func secret(text string) *Keys {
	return &Keys{all: []key{{public: []byte(text)}}, digest: sha256.Sum256([]byte(text))}
}

// find appends the keys that may have signed a token: those with its key's id or, if no key has that, those without
// one; all if it names none. They have to fit its algorithm. The id is only compared, it leads nowhere.
func (k *Keys) find(dst []key, id string, algorithm jose.SignatureAlgorithm) []key {
	from := k.all
	if id != "" && k.byID != nil {
		if from = k.byID[id]; from == nil {
			from = k.byID[""]
		}
	}
	for _, one := range from {
		if len(dst) < mostTried && fits(algorithm, one.public) && (one.algorithm == "" || one.algorithm == string(algorithm)) {
			dst = append(dst, one)
		}
	}
	return dst
}
