package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// now is when tests take place.
var now = time.Unix(1_800_000_000, 0)

// signer signs what no honest issuer would: whatever the header and the claims are.
type signer struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
	ed  ed25519.PrivateKey
}

// signers returns the keys of this run.
var signers = sync.OnceValue(func() *signer {
	s := &signer{}
	var err error
	if s.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		panic(err)
	}
	if s.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		panic(err)
	}
	if _, s.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		panic(err)
	}
	return s
})

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwk is a public key as a set has it.
func jwk(t testing.TB, id string, public any, more map[string]any) map[string]any {
	t.Helper()
	k := map[string]any{}
	switch p := public.(type) {
	case *rsa.PublicKey:
		k["kty"], k["n"], k["e"] = "RSA", b64(p.N.Bytes()), b64(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		raw, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		half := (len(raw) - 1) / 2
		k["kty"], k["crv"], k["x"], k["y"] = "EC", p.Params().Name, b64(raw[1:1+half]), b64(raw[1+half:])
	case ed25519.PublicKey:
		k["kty"], k["crv"], k["x"] = "OKP", "Ed25519", b64(p)
	}
	if id != "" {
		k["kid"] = id
	}
	for name, v := range more {
		k[name] = v
	}
	return k
}

func set(t testing.TB, keys ...map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// keySet is the set of all keys of this run, as r, e and d.
func keySet(t testing.TB) []byte {
	s := signers()
	return set(t, jwk(t, "r", &s.rsa.PublicKey, nil), jwk(t, "e", &s.ec.PublicKey, nil), jwk(t, "d", s.ed.Public(), nil))
}

func parseKeys(t testing.TB, text []byte) *Keys {
	t.Helper()
	k, err := ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sign signs texts of a header and claims as an algorithm does.
func sign(t testing.TB, algorithm, header, claims string) string {
	t.Helper()
	s := signers()
	input := b64([]byte(header)) + "." + b64([]byte(claims))
	sum := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch algorithm {
	case "RS256":
		signature, err = rsa.SignPKCS1v15(nil, s.rsa, crypto.SHA256, sum[:])
	case "PS256":
		signature, err = rsa.SignPSS(rand.Reader, s.rsa, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case "ES256":
		var r, z *big.Int
		r, z, err = ecdsa.Sign(rand.Reader, s.ec, sum[:])
		signature = append(r.FillBytes(make([]byte, 32)), z.FillBytes(make([]byte, 32))...)
	case "EdDSA":
		signature = ed25519.Sign(s.ed, []byte(input))
	default: // a secret
		m := hmac.New(sha256.New, []byte(algorithm))
		m.Write([]byte(input))
		signature = m.Sum(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + b64(signature)
}

// claims are those of an honest token with some put in place of others; nil takes one away.
func claims(t testing.TB, other map[string]any) string {
	t.Helper()
	all := map[string]any{"iss": "https://id.example/", "aud": "shop", "exp": now.Add(time.Hour).Unix(), "sub": "ann"}
	for name, v := range other {
		if all[name] = v; v == nil {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func honest(t testing.TB, other map[string]any) string {
	return sign(t, "RS256", `{"alg":"RS256","kid":"r","typ":"JWT"}`, claims(t, other))
}

func issuerOf(t testing.TB) IssuerConfig {
	return IssuerConfig{Issuer: "https://id.example/", Audiences: []string{"shop"}, Keys: parseKeys(t, keySet(t)), Skew: time.Minute}
}

func verifier(t testing.TB, change func(*Config)) *Verifier {
	c := Config{MaxSize: 8 << 10, Issuers: []IssuerConfig{issuerOf(t)}, Claims: []string{"sub", "roles", "realm.roles", "scope"}, Fields: []string{"sub", "roles"}}
	if change != nil {
		change(&c)
	}
	return New(c)
}

var client = netip.MustParseAddr("192.0.2.1")

func bearing(tokens ...string) *Request {
	r := &Request{Client: client, Now: now, Target: "/"}
	for _, text := range tokens {
		r.Fields = append(r.Fields, message.Field{Name: "Authorization", Value: "Bearer " + text})
	}
	return r
}

func wants(t *testing.T, v *Verifier, r *Request, want Reason) *Identity {
	t.Helper()
	identity, why := v.Verify(r)
	if why != want || (identity != nil) != (want == None) {
		t.Fatalf("%v, want %v", why, want)
	}
	return identity
}

func TestEachAlgorithm(t *testing.T) {
	v := verifier(t, nil)
	for algorithm, id := range map[string]string{"RS256": "r", "PS256": "r", "ES256": "e", "EdDSA": "d"} {
		for _, head := range []string{`{"alg":"` + algorithm + `","kid":"` + id + `"}`, `{"typ":"JWT","alg":"` + algorithm + `"}`} {
			text := sign(t, algorithm, head, claims(t, nil))
			for range 2 { // the second from the cache
				if got := wants(t, v, bearing(text), None).Claim("sub"); len(got) != 1 || got[0] != "ann" {
					t.Errorf("%s: sub is %q", head, got)
				}
			}
		}
	}
	if n, bytes := v.Held(); n != 8 || bytes > 8*1024 {
		t.Errorf("%d tokens in %d bytes are remembered", n, bytes)
	}
}

func TestSecret(t *testing.T) {
	const shared = "0123456789abcdef0123456789abcdef"
	v := verifier(t, func(c *Config) { c.Issuers[0].Keys, c.Issuers[0].Secret = nil, shared })
	wants(t, v, bearing(sign(t, shared, `{"alg":"HS256"}`, claims(t, nil))), None)
	wants(t, v, bearing(sign(t, shared, `{"alg":"HS256","kid":"../../dev/null"}`, claims(t, nil))), None)
	wants(t, v, bearing(sign(t, shared+"x", `{"alg":"HS256"}`, claims(t, nil))), Signature)
	wants(t, v, bearing(honest(t, nil)), Algorithm)
}

func TestHostileTokens(t *testing.T) {
	s := signers()
	good := honest(t, nil)
	head, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	public := base64.StdEncoding.EncodeToString(s.rsa.PublicKey.N.Bytes())
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	own, _ := json.Marshal(jwk(t, "r", &other.PublicKey, nil))
	forged := func(header string) string {
		input := b64([]byte(header)) + "." + b64([]byte(claims(t, nil)))
		sum := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPKCS1v15(nil, other, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + b64(signature)
	}
	rs := func(header string) string { return sign(t, "RS256", header, claims(t, nil)) }
	withClaims := func(claims string) string { return sign(t, "RS256", `{"alg":"RS256","kid":"r"}`, claims) }
	for name, c := range map[string]struct {
		text string
		want Reason
	}{
		"alg none":                        {b64([]byte(`{"alg":"none"}`)) + "." + payload + ".AA", Algorithm},
		"alg none without a signature":    {b64([]byte(`{"alg":"none"}`)) + "." + payload + ".", Malformed},
		"alg None":                        {rs(`{"alg":"None"}`), Algorithm},
		"alg nOnE":                        {rs(`{"alg":"nOnE"}`), Algorithm},
		"no alg":                          {rs(`{"kid":"r"}`), Algorithm},
		"alg twice":                       {rs(`{"alg":"RS256","alg":"none"}`), Malformed},
		"alg in another case beside":      {rs(`{"alg":"none","Alg":"RS256"}`), Algorithm},
		"alg is a number":                 {rs(`{"alg":1}`), Malformed},
		"HS with the public key":          {sign(t, public, `{"alg":"HS256","kid":"r"}`, claims(t, nil)), Algorithm},
		"an algorithm of another key":     {rs(`{"alg":"ES256","kid":"r"}`), UnknownKey},
		"EdDSA by the id of RSA":          {sign(t, "EdDSA", `{"alg":"EdDSA","kid":"r"}`, claims(t, nil)), UnknownKey},
		"kid traversal":                   {rs(`{"alg":"RS256","kid":"../../../../etc/passwd"}`), UnknownKey},
		"kid with SQL":                    {rs(`{"alg":"RS256","kid":"' or 1=1--"}`), UnknownKey},
		"kid that is long":                {rs(`{"alg":"RS256","kid":"` + strings.Repeat("k", 300) + `"}`), Malformed},
		"kid is a list":                   {rs(`{"alg":"RS256","kid":["r"]}`), Malformed},
		"own key in the header":           {forged(`{"alg":"RS256","kid":"r","jwk":` + string(own) + `}`), Signature},
		"own key elsewhere":               {forged(`{"alg":"RS256","kid":"r","jku":"http://127.0.0.1:1/keys","x5u":"http://127.0.0.1:1/"}`), Signature},
		"crit":                            {rs(`{"alg":"RS256","kid":"r","crit":["exp"],"exp":1}`), Malformed},
		"crit that is empty":              {rs(`{"alg":"RS256","kid":"r","crit":[]}`), Malformed},
		"crit that is null":               {rs(`{"alg":"RS256","kid":"r","crit":null}`), Malformed},
		"b64":                             {rs(`{"alg":"RS256","kid":"r","b64":false}`), Malformed},
		"a token within":                  {sign(t, "RS256", `{"alg":"RS256","kid":"r","cty":"JWT"}`, good), Malformed},
		"a token within, unsaid":          {withClaims(good), Malformed},
		"the form of JSON":                {`{"payload":"` + payload + `","protected":"` + head + `","signature":"` + signature + `"}`, Malformed},
		"five parts":                      {good + ".AA.AA", Malformed},
		"two parts":                       {head + "." + payload, Malformed},
		"many dots":                       {strings.Repeat(".", 8000), Malformed},
		"nothing":                         {"", Malformed},
		"huge":                            {good + strings.Repeat("A", 9000), TooLarge},
		"padding":                         {head + "=." + payload + "." + signature, Malformed},
		"another spelling of the ending":  {good[:len(good)-1] + string(successor(good[len(good)-1])), Malformed},
		"the other alphabet":              {head + "." + payload + "." + signature[:10] + "+/" + signature[12:], Malformed},
		"a line break in it":              {head[:5] + "\n" + head[5:] + "." + payload + "." + signature, Malformed},
		"space in it":                     {head + ". " + payload + "." + signature, Malformed},
		"claims of another":               {head + "." + b64([]byte(claims(t, map[string]any{"sub": "root"}))) + "." + signature, Signature},
		"iss twice":                       {withClaims(`{"iss":"https://evil/",` + claims(t, nil)[1:]), Malformed},
		"exp twice":                       {withClaims(`{"exp":99999999999,` + claims(t, nil)[1:]), Malformed},
		"a name twice, deep within":       {withClaims(`{"a":{"b":[{"c":1,"c":2}]},` + claims(t, nil)[1:]), Malformed},
		"a name twice, spelled otherwise": {withClaims(`{"s\u0075b":"root",` + claims(t, nil)[1:]), Malformed},
		"nested deep":                     {withClaims(`{"a":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + "," + claims(t, nil)[1:]), Malformed},
		"claims are a list":               {withClaims(`["https://id.example/"]`), Malformed},
		"claims are null":                 {withClaims(`null`), Malformed},
		"claims and more":                 {withClaims(claims(t, nil) + `{}`), Malformed},
		"claims and a letter":             {withClaims(claims(t, nil) + `x`), Malformed},
		"exp as text":                     {honest(t, map[string]any{"exp": "9999999999"}), Claim},
		"exp beyond all time":             {withClaims(strings.Replace(claims(t, map[string]any{"exp": 1234}), "1234", "1e400", 1)), Claim},
		"exp after the year 9999":         {honest(t, map[string]any{"exp": 1e15}), Claim},
		"exp below 0":                     {honest(t, map[string]any{"exp": -1}), Claim},
		"no exp":                          {honest(t, map[string]any{"exp": nil}), Claim},
		"nbf as text":                     {honest(t, map[string]any{"nbf": "0"}), Claim},
		"iss in another case":             {honest(t, map[string]any{"iss": "https://ID.example/"}), Issuer},
		"iss is a list":                   {honest(t, map[string]any{"iss": []string{"https://id.example/"}}), Issuer},
		"no iss":                          {honest(t, map[string]any{"iss": nil}), Issuer},
		"aud of another":                  {honest(t, map[string]any{"aud": "Shop"}), Audience},
		"aud that contains it":            {honest(t, map[string]any{"aud": "shop,admin"}), Audience},
		"aud is an object":                {honest(t, map[string]any{"aud": map[string]any{"shop": 1}}), Audience},
		"no aud":                          {honest(t, map[string]any{"aud": nil}), Audience},
		"a line break for a field":        {honest(t, map[string]any{"sub": "ann\r\nX-Role: root"}), Claim},
		"a comma in a list for a field":   {honest(t, map[string]any{"roles": []string{"a", "b,admin"}}), Claim},
	} {
		t.Run(name, func(t *testing.T) {
			v := verifier(t, nil)
			wants(t, v, bearing(c.text), c.want)
			if n, _ := v.Held(); n != 0 {
				t.Error("it is remembered")
			}
		})
	}
	wants(t, verifier(t, nil), bearing(good), None)
}

// successor is the next byte of the alphabet: the last character of a signature of 256 bytes has bits that say nothing.
func successor(c byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[(strings.IndexByte(alphabet, c)+1)%len(alphabet)]
}

func TestTimes(t *testing.T) {
	for name, c := range map[string]struct {
		claims map[string]any
		want   Reason
	}{
		"expires within the skew":      {map[string]any{"exp": now.Unix() - 59}, None},
		"has expired by the skew":      {map[string]any{"exp": now.Unix() - 60}, Expired},
		"has expired":                  {map[string]any{"exp": now.Unix() - 3600}, Expired},
		"a part of a second is left":   {map[string]any{"exp": float64(now.Unix()) - 59.5}, None},
		"begins within the skew":       {map[string]any{"nbf": now.Unix() + 60}, None},
		"begins behind it":             {map[string]any{"nbf": now.Unix() + 61}, NotYet},
		"several audiences":            {map[string]any{"aud": []any{"other", 1, "shop"}}, None},
		"begun long ago":               {map[string]any{"nbf": 0}, None},
		"issued tomorrow, which is up": {map[string]any{"iat": now.Unix() + 86400}, None},
	} {
		t.Run(name, func(t *testing.T) { wants(t, verifier(t, nil), bearing(honest(t, c.claims)), c.want) })
	}
}

func TestCachedTokenExpires(t *testing.T) {
	v := verifier(t, nil)
	r := bearing(honest(t, map[string]any{"exp": now.Unix() + 10}))
	wants(t, v, r, None)
	r.Now = now.Add(69 * time.Second)
	wants(t, v, r, None)
	r.Now = now.Add(70 * time.Second)
	wants(t, v, r, Expired)
	if n, _ := v.Held(); n != 0 {
		t.Error("it is remembered")
	}
	wants(t, v, r, Expired)
}

func TestRequiredClaimsAndValues(t *testing.T) {
	v := verifier(t, func(c *Config) { c.Issuers[0].Required = []string{"sub", "realm.roles"} })
	wants(t, v, bearing(honest(t, nil)), Claim)
	wants(t, v, bearing(honest(t, map[string]any{"sub": "", "realm": map[string]any{"roles": []string{"x"}}})), Claim)
	i := wants(t, v, bearing(honest(t, map[string]any{
		"realm": map[string]any{"roles": []any{"x", 1, true, nil, map[string]any{"y": 1}}}, "scope": "read  write",
	})), None)
	if got := strings.Join(i.Claim("realm.roles"), "|"); got != "x|1|true" {
		t.Errorf("roles are %q", got)
	}
	if got := strings.Join(i.Claim("scope"), "|"); got != "read|write" {
		t.Errorf("scope is %q", got)
	}
	if i.Claim("aud") != nil {
		t.Error("a claim is kept that nobody asks for")
	}
	i = wants(t, v, bearing(honest(t, map[string]any{"realm.roles": "flat", "realm": map[string]any{"roles": "deep"}})), None)
	if got := i.Claim("realm.roles"); len(got) != 1 || got[0] != "flat" {
		t.Errorf("roles are %q", got)
	}
}

func TestCarried(t *testing.T) {
	text, other := honest(t, nil), honest(t, map[string]any{"sub": "bob"})
	places := []Place{{Header: "Authorization", Scheme: "Bearer"}, {Header: "X-Token"}, {Cookie: "session"}}
	for name, c := range map[string]struct {
		fields message.Fields
		want   Reason
	}{
		"nothing":                       {nil, Missing},
		"bearer":                        {message.Fields{{Name: "authorization", Value: "bEARER   " + text}}, None},
		"a field":                       {message.Fields{{Name: "x-token", Value: text}}, None},
		"a cookie":                      {message.Fields{{Name: "Cookie", Value: "a=b; session=" + text}}, None},
		"a cookie in quotes":            {message.Fields{{Name: "Cookie", Value: `session="` + text + `"; c`}}, None},
		"the same twice":                {message.Fields{{Name: "Cookie", Value: "session=" + text}, {Name: "X-Token", Value: text}}, None},
		"another scheme":                {message.Fields{{Name: "Authorization", Value: "Basic YTpi"}}, Missing},
		"another scheme, and a cookie":  {message.Fields{{Name: "Authorization", Value: "Basic YTpi"}, {Name: "X-Token", Value: text}}, Several},
		"two fields":                    {message.Fields{{Name: "Authorization", Value: "Bearer " + text}, {Name: "Authorization", Value: "Bearer " + other}}, Several},
		"a list in one field":           {message.Fields{{Name: "Authorization", Value: "Bearer " + text + ", Bearer " + other}}, Malformed},
		"two places":                    {message.Fields{{Name: "X-Token", Value: text}, {Name: "Cookie", Value: "session=" + other}}, Several},
		"two cookies":                   {message.Fields{{Name: "Cookie", Value: "session=" + other + ";session=" + text}}, Several},
		"a cookie spelled otherwise":    {message.Fields{{Name: "Cookie", Value: "session=" + text + "; s%65ssion=" + other}}, Several},
		"a cookie in another case":      {message.Fields{{Name: "Cookie", Value: "session=" + text + "; Session=" + other}}, Several},
		"an empty one beside a good":    {message.Fields{{Name: "X-Token", Value: ""}, {Name: "Cookie", Value: "session=" + text}}, Several},
		"bearer without anything":       {message.Fields{{Name: "Authorization", Value: "Bearer"}}, Malformed},
		"a cookie that only begins so":  {message.Fields{{Name: "Cookie", Value: "session2=" + text}}, Missing},
		"two fields of the same scheme": {message.Fields{{Name: "Authorization", Value: "Bearer " + text}, {Name: "Authorization", Value: "Digest x"}}, Several},
	} {
		t.Run(name, func(t *testing.T) {
			v := verifier(t, func(c *Config) { c.Places = places })
			wants(t, v, &Request{Fields: c.fields, Target: "/", Client: client, Now: now}, c.want)
		})
	}
}

func TestVainSignaturesAreLimited(t *testing.T) {
	v := verifier(t, nil)
	good := honest(t, nil)
	bad := good[:len(good)-20] + "AAAAAAAAAAAAAAAAAAAA"
	if _, ok := parse(bad); !ok {
		bad = good[:len(good)-22] + "AAAAAAAAAAAAAAAAAAAAAA"
	}
	n := 0
	for ; n < 100; n++ {
		if _, why := v.Verify(bearing(bad)); why == Throttled {
			break
		} else if why != Signature {
			t.Fatal(why)
		}
	}
	if n != vainBurst {
		t.Errorf("%d signatures were verified in vain, want %d", n, vainBurst)
	}
	wants(t, v, bearing(good), Throttled) // it is new to the cache
	elsewhere := bearing(good)
	elsewhere.Client = netip.MustParseAddr("192.0.2.2")
	wants(t, v, elsewhere, None)
	wants(t, v, bearing(good), None) // it is known now, and costs nothing
	later := bearing(honest(t, map[string]any{"sub": "bob"}))
	later.Now = now.Add(vainEvery)
	wants(t, v, later, None)
}

func TestGoodTokensAreNotCounted(t *testing.T) {
	v := verifier(t, nil)
	for i := range 3 * vainBurst {
		wants(t, v, bearing(honest(t, map[string]any{"jti": i})), None)
	}
}

func TestGuardIsBounded(t *testing.T) {
	var g guard
	at := netip.MustParseAddr("10.0.0.0")
	for range 2 * maxVain {
		g.take(at, now)
		at = at.Next()
	}
	if len(g.next) > maxVain {
		t.Errorf("%d clients are remembered, at most %d", len(g.next), maxVain)
	}
}

func TestCacheIsBounded(t *testing.T) {
	var c cache
	identity := &Identity{Issuer: "x"}
	var h [32]byte
	for i := range 40_000 {
		h = sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		c.put(&entry{hash: h, identity: identity, bytes: 8 << 10})
	}
	if n, bytes := c.held(); n > cacheShards*shardEntries || bytes > cacheShards*shardBytes || n < cacheShards*64 {
		t.Errorf("%d tokens in %d bytes", n, bytes)
	}
	if c.get(&h) == nil {
		t.Error("the last one is not there")
	}
}

func TestKeySets(t *testing.T) {
	s := signers()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := jwk(t, "r", &s.rsa.PublicKey, nil)
	for name, c := range map[string]struct {
		text          string
		keys, skipped int
		err           string
	}{
		"all kinds":                 {string(keySet(t)), 3, 0, ""},
		"others beside":             {string(set(t, rsaKey, map[string]any{"kty": "oct", "k": "AAAA"}, map[string]any{"kty": "XYZ"}, jwk(t, "x", &s.ec.PublicKey, map[string]any{"use": "enc"}), jwk(t, "y", &s.ec.PublicKey, map[string]any{"key_ops": []string{"encrypt"}}))), 1, 4, ""},
		"no list":                   {`{}`, 0, 0, "no key for signatures"},
		"only a secret":             {`{"keys":[{"kty":"oct","k":"AAAA"}]}`, 0, 0, "no key for signatures"},
		"HTML":                      {`<html>`, 0, 0, "no key set"},
		"PEM":                       {"-----BEGIN PUBLIC KEY-----\n", 0, 0, "keys in PEM: write a key set"},
		"keys twice":                {`{"keys":[],"keys":[]}`, 0, 0, "no key set"},
		"a short key":               {string(set(t, jwk(t, "s", &small.PublicKey, nil))), 0, 0, "keys[0]: an RSA key of 1024 bits"},
		"an exponent of 1":          {string(set(t, jwk(t, "s", &rsa.PublicKey{N: s.rsa.N, E: 1}, nil))), 0, 0, "bad e value"},
		"a private key":             {string(set(t, jwk(t, "d", s.ed.Public(), map[string]any{"d": b64(s.ed.Seed())}))), 0, 0, "a private key"},
		"a point beside the curve":  {string(set(t, jwk(t, "e", &s.ec.PublicKey, map[string]any{"x": b64(make([]byte, 32))}))), 0, 0, "not on declared curve"},
		"nested":                    {strings.Repeat("[", 100), 0, 0, "nests deep"},
		"too many":                  {`{"keys":[` + strings.Repeat(`{"kty":"oct"},`, 300) + `{}]}`, 0, 0, "301 keys"},
		"too large":                 {strings.Repeat(" ", MaxKeySet+1), 0, 0, "more than"},
		"an exponent without bytes": {`{"keys":[{"kty":"RSA","n":"AQAB","e":""}]}`, 0, 0, "keys[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := ParseKeys([]byte(c.text))
			switch {
			case c.err != "":
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, want %q", err, c.err)
				}
			case err != nil:
				t.Error(err)
			case k.Len() != c.keys || k.Skipped() != c.skipped:
				t.Errorf("%d keys, %d skipped", k.Len(), k.Skipped())
			}
		})
	}
}

func TestKeyIsForItsAlgorithmAlone(t *testing.T) {
	s := signers()
	v := verifier(t, func(c *Config) {
		c.Issuers[0].Keys = parseKeys(t, set(t, jwk(t, "r", &s.rsa.PublicKey, map[string]any{"alg": "PS256"})))
	})
	wants(t, v, bearing(sign(t, "PS256", `{"alg":"PS256","kid":"r"}`, claims(t, nil))), None)
	wants(t, v, bearing(honest(t, nil)), UnknownKey)
}

func TestAPIKeys(t *testing.T) {
	sum := func(s string) string { return digest(s) }
	k, err := ParseAPIKeys("# comment\n\nshop " + sum("k1") + " # the old one\nshop sha256:" + sum("k2") + " until=2027-01-15T08:00:00Z\r\npartner " + strings.ToUpper(sum("k#3")) + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if k.Len() != 3 || !k.Has("partner") || k.Has("nobody") {
		t.Errorf("%d keys", k.Len())
	}
	places := []Place{{Header: "X-Api-Key"}, {Query: "api_key"}}
	ask := func(target string, fields ...message.Field) *Request {
		return &Request{Target: target, Fields: fields, Now: now}
	}
	for name, c := range map[string]struct {
		r      *Request
		client string
		why    Reason
	}{
		"a field":               {ask("/", message.Field{Name: "x-api-key", Value: "k1"}), "shop", None},
		"the query":             {ask("/?a=b&api_key=k%233"), "partner", None},
		"the query, spelled":    {ask("/?api%5Fkey=k1"), "shop", None},
		"both":                  {ask("/?api_key=k1", message.Field{Name: "x-api-key", Value: "k1"}), "shop", None},
		"two":                   {ask("/?api_key=k1&api_key=k2"), "", Several},
		"two in other cases":    {ask("/?api_key=k1&API_KEY=x"), "", Several},
		"none":                  {ask("/?a=k1"), "", Missing},
		"unknown":               {ask("/?api_key=k4"), "", NotAKey},
		"empty":                 {ask("/?api_key="), "", NotAKey},
		"a hash in place of it": {ask("/?api_key=" + sum("k1")), "", NotAKey},
		"long":                  {ask("/?api_key=" + strings.Repeat("k", 600)), "", TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if client, why := k.Client(places, c.r); client != c.client || why != c.why {
				t.Errorf("%q, %v", client, why)
			}
		})
	}
	end := time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		at   time.Time
		want Reason
	}{{end.Add(-1), None}, {end, Expired}} {
		r := ask("/?api_key=k2")
		r.Now = c.at
		if _, why := k.Client(places, r); why != c.want {
			t.Errorf("at %v: %v, want %v", c.at, why, c.want)
		}
	}
}

func digest(s string) string {
	h := sha256.Sum256([]byte(s))
	const hex = "0123456789abcdef"
	var b strings.Builder
	for _, c := range h {
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

func TestAPIKeyFilesThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"shop":                                    "line 1: 1 words",
		"shop my-secret-key":                      "line 1: of client \"shop\": not 64 hexadecimal digits",
		"shop " + digest("a") + " until=soon":     "write until=",
		"shop " + digest("a") + " " + digest("b"): "write until=",
		"a " + digest("a") + "\nb " + digest("a"): "line 2: the key is there before, as one of \"a\"",
		"a,b " + digest("a"):                      "is no name",
		"ä " + digest("a"):                        "is no name",
		"a " + digest("a") + "0":                  "not 64",
		"a zz" + digest("a")[2:]:                  "not 64",
	} {
		_, err := ParseAPIKeys(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "my-secret-key") {
			t.Errorf("%v shows a key", err)
		}
	}
}

func TestWithout(t *testing.T) {
	for _, c := range [][3]string{
		{"/a?b=c&k=1&d", "k", "/a?b=c&d"}, {"/a?k=1", "k", "/a"}, {"/a", "k", "/a"}, {"/a?K=1&%6b=2&l", "k", "/a?l"}, {"/a?b", "", "/a?b"}, {"/?x=k=1", "k", "/?x=k=1"},
	} {
		if got := Without(c[0], c[1]); got != c[2] {
			t.Errorf("%q without %s is %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
