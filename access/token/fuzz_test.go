package token

import (
	"strings"
	"testing"
)

// FuzzToken holds that whatever is no token of the issuer, byte for byte, is none.
func FuzzToken(f *testing.F) {
	good := honest(f, map[string]any{"roles": []string{"a"}})
	for _, seed := range []string{
		good, "", "..", "a.b.c", good + ".", strings.Replace(good, ".", "..", 1), sign(f, "x", `{"alg":"none"}`, claims(f, nil)),
		sign(f, "ES256", `{"alg":"ES256","kid":"e","crit":["b64"],"b64":false}`, claims(f, nil)),
	} {
		f.Add(seed)
	}
	v := verifier(f, nil)
	f.Fuzz(func(t *testing.T, text string) {
		r := bearing(text)
		identity, why := v.Verify(r)
		if (identity != nil) != (why == None) || why >= Reasons || why.String() == "" {
			t.Fatalf("%v and %v", identity, why)
		}
		if why == None && strings.Trim(text, " \t") != good {
			t.Errorf("%q is taken", text)
		}
		if why == Throttled {
			v.guard.next = nil
		}
	})
}

// FuzzHeader holds that nothing in a header and in claims, signed by the issuer, is read in another way than as it is.
func FuzzHeader(f *testing.F) {
	f.Add(`{"alg":"EdDSA","kid":"d"}`, claims(f, nil))
	f.Add(`{"alg":"EdDSA","alg":"none"}`, `{"iss":"https://id.example/","aud":["shop"],"exp":9e9,"a":{"b":{}}}`)
	v := verifier(f, nil)
	f.Fuzz(func(t *testing.T, header, claims string) {
		identity, why := v.Verify(bearing(sign(t, "EdDSA", header, claims)))
		if why != None {
			return
		}
		if !strings.Contains(header, "EdDSA") && !strings.Contains(header, `\u`) {
			t.Errorf("the header %q is taken", header)
		}
		for _, value := range append(identity.Claim("sub"), identity.Claim("roles")...) {
			if strings.ContainsAny(value, "\r\n\x00") {
				t.Errorf("%q becomes a field", value)
			}
		}
	})
}

// FuzzKeys holds that no text ends the process, and that a set has keys which can be used.
func FuzzKeys(f *testing.F) {
	f.Add(string(keySet(f)))
	f.Add(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-256","x":"","y":""}]}`)
	f.Add(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","x5c":["AA"]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParseKeys([]byte(text))
		if err != nil {
			return
		}
		for _, k := range keys.all {
			if err := usable(k.public); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzAPIKeys holds that every key of a file belongs to a client with a name that can be a field.
func FuzzAPIKeys(f *testing.F) {
	f.Add("shop " + strings.Repeat("0a", 32) + " until=2027-01-31T00:00:00Z # x\n# y\n")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParseAPIKeys(text)
		if err != nil {
			return
		}
		for _, k := range keys.byHash {
			if k.client == "" || !passable([]string{k.client, ""}) {
				t.Errorf("a client %q", k.client)
			}
		}
	})
}
