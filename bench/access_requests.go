package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/access/challenge"
)

// What requests show, and by what it is known.
const (
	benchKey     = "a-key-of-the-benchmark-that-is-long-enough"
	challengeKey = "a-secret-of-the-benchmark-that-is-long-enough"
	issuer       = "https://id.example/"
	agent        = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)

// accessPools are ordinary requests of two hundred clients: as they are, with an API key, a token, or the cookie of a
// challenge that was passed; and logins of as many people.
func accessPools(ordinary pool) (map[string]pool, error) {
	pass, err := newPass()
	if err != nil {
		return nil, err
	}
	all := map[string]pool{"": {}, "key": {}, "token": {}, "cookie": {}, "login": {}}
	for i, r := range ordinary.list {
		from := netip.AddrFrom4([4]byte{100, 64, byte(i / 200), byte(1 + i%200)})
		head := fmt.Sprintf("\r\nX-Forwarded-For: %s\r\n", from)
		cookie, err := pass.cookie(r.raw, from)
		if err != nil {
			return nil, err
		}
		body := fmt.Sprintf("username=person-%d&password=a-password", i)
		shown := map[string]string{"": "", "key": "X-Api-Key: " + benchKey, "token": "Authorization: Bearer " + token(i), "cookie": "Cookie: " + cookie}
		for name, line := range shown {
			p := all[name]
			p.list = append(p.list, request{raw: bytes.Replace(with(r.raw, line), []byte("\r\n"), []byte(head), 1)})
			all[name] = p
		}
		p := all["login"]
		p.list = append(p.list, request{raw: fmt.Appendf(nil, "POST /login HTTP/1.1\r\nHost: shop.example%sUser-Agent: %s\r\n"+
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", head, agent, len(body), body)})
		all["login"] = p
	}
	for name, p := range all {
		p.name = "with " + name
		all[name] = p
	}
	return all, nil
}

// signer is the issuer's. Its tokens are worth nothing elsewhere.
func signer() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
}

func issuerKeys() []byte {
	public := base64.RawURLEncoding.EncodeToString(signer().Public().(ed25519.PublicKey))
	return []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"bench","x":"` + public + `"}]}`)
}

// token is a JSON Web Token of a person.
func token(person int) string {
	claims, _ := json.Marshal(map[string]any{ // which never fails
		"iss": issuer, "aud": "bench", "sub": fmt.Sprintf("person-%d", person), "exp": time.Now().Add(24 * time.Hour).Unix(),
	})
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","kid":"bench","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(signer(), []byte(text)))
}

// pass gives clients what they get who wait for a challenge to be over.
type pass struct {
	asks *challenge.Challenge
	ends *challenge.Endpoint
}

func newPass() (*pass, error) {
	keys, err := challenge.NewKeys(challengeKey)
	if err != nil {
		return nil, err
	}
	asks, err := challenge.New(challenge.Options{
		Keys: keys, Bits: 16, Within: 5 * time.Minute, Wait: 5 * time.Second, Lifetime: time.Hour, Status: http.StatusTooManyRequests,
	})
	return &pass{asks, challenge.NewEndpoint(challenge.NewGuard(), keys)}, err
}

// cookie has the token of the client who sends a request from an address.
func (p *pass) cookie(raw []byte, from netip.Addr) (string, error) {
	began := time.Now().Add(-time.Minute)
	who := challenge.Client{Host: fieldOf(raw, "Host"), Address: from, Agent: fieldOf(raw, "User-Agent")}
	_, page, _ := strings.Cut(string(p.asks.Ask(&who, "/", "bench", began).Body), `name="puzzle" value="`)
	puzzle, _, _ := strings.Cut(page, `"`)
	reply, outcome := p.ends.Take(&challenge.Answer{
		Method: http.MethodGet, Path: challenge.Path, Query: "puzzle=" + puzzle + "&back=/", Client: who, Now: began.Add(30 * time.Second),
	})
	if outcome != challenge.Waited {
		return "", fmt.Errorf("the challenge says %s", outcome)
	}
	value, _, _ := strings.Cut(reply.Fields.Get("Set-Cookie"), ";")
	return value, nil
}

func fieldOf(raw []byte, name string) string {
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value
		}
	}
	return ""
}

// with returns a request with a field, in place of one that it has.
func with(raw []byte, line string) []byte {
	if line == "" {
		return raw
	}
	name, _, _ := strings.Cut(line, ": ")
	text := string(raw)
	if was := fieldOf(raw, name); was != "" {
		text = strings.Replace(text, "\r\n"+name+": "+was, "", 1)
	}
	return []byte(strings.Replace(text, "\r\n", "\r\n"+line+"\r\n", 1))
}
