package token

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// maxDepth is how deep the JSON in a token, or in a key set, may nest.
const maxDepth = 16

// parsed is a token as it is written, of which nothing is proved yet.
type parsed struct {
	text      string
	algorithm jose.SignatureAlgorithm
	keyID     string
	claims    map[string]any
}

// parse reads a token in the compact form (RFC 7515 7.1), and in one spelling: the form of JSON, padding, bytes that
// decoders pass over and names twice are refused, for two readers may read two tokens in them.
func parse(text string) (*parsed, bool) {
	head, rest, _ := strings.Cut(text, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || head == "" || payload == "" || signature == "" || strings.IndexByte(signature, '.') >= 0 {
		return nil, false
	}
	headText, ok := decode(head)
	if !ok {
		return nil, false
	}
	claimsText, ok := decode(payload)
	if !ok {
		return nil, false
	}
	if _, ok = decode(signature); !ok {
		return nil, false
	}
	var header struct {
		Algorithm string          `json:"alg"`
		KeyID     string          `json:"kid"`
		Type      string          `json:"typ"`
		Content   string          `json:"cty"`
		Critical  json.RawMessage `json:"crit"`
		Encoded   json.RawMessage `json:"b64"`
	}
	if deep(headText) || json.Unmarshal(headText, &header) != nil {
		return nil, false
	}
	// Nothing that a token could demand is understood (RFC 7515 4.1.11), nor a token within a token.
	if header.Critical != nil || header.Encoded != nil || header.Content != "" || len(header.KeyID) > maxKeyID {
		return nil, false
	}
	p := &parsed{text: text, algorithm: jose.SignatureAlgorithm(header.Algorithm), keyID: header.KeyID}
	if deep(claimsText) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(claimsText))
	d.SetNumberType(json.UnmarshalJSONNumber)
	if d.Decode(&p.claims) != nil || p.claims == nil {
		return nil, false
	}
	var more json.RawMessage
	return p, errors.Is(d.Decode(&more), io.EOF)
}

// strict is Base64 of which every text has one spelling.
var strict = base64.RawURLEncoding.Strict()

func decode(s string) ([]byte, bool) {
	for i := 0; i < len(s); i++ { // the decoder passes over line breaks
		if c := s[i]; c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return nil, false
		}
	}
	b, err := strict.DecodeString(s)
	return b, err == nil
}

// deep reports whether a JSON text nests deeper than any has to: readers recurse.
func deep(text []byte) bool {
	depth, inside := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
