package config

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// AccessTokens are JSON Web Tokens that requests may carry.
type AccessTokens struct {
	Mode    TokenMode     `mapstructure:"mode"`    // optional, required, alternative, observe or off
	Invalid TokenInvalid  `mapstructure:"invalid"` // of one that is not required and not valid: deny or ignore
	From    []TokenPlace  `mapstructure:"from"`    // where it is; none: Authorization: Bearer
	MaxSize Size          `mapstructure:"max_size"`
	Issuers []TokenIssuer `mapstructure:"issuers"`
	Headers []ClaimHeader `mapstructure:"headers"` // that tell the application what claims say
	Forward TokenForward  `mapstructure:"forward"` // keep or remove: whether the application gets the token
	Realm   string        `mapstructure:"realm"`   // that clients are told of
}

// TokenPlace is where a request carries a token or a key.
type TokenPlace struct {
	Header string `mapstructure:"header" one:"it"`
	Cookie string `mapstructure:"cookie" one:"it"`
	Scheme string `mapstructure:"scheme"` // in front of it, with header
}

// TokenIssuer is somebody whose tokens are taken.
type TokenIssuer struct {
	Issuer     string        `mapstructure:"issuer"`    // the claim iss
	Audiences  []string      `mapstructure:"audiences"` // of the claim aud; "*": any
	Algorithms []string      `mapstructure:"algorithms" enum:"RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA HS256 HS384 HS512"`
	JWKSFile   string        `mapstructure:"jwks_file" one:"it"`   // file with its public keys
	JWKSURL    string        `mapstructure:"jwks_url" one:"it"`    // where they are
	SecretFile string        `mapstructure:"secret_file" one:"it"` // file with the secret, for HS256 and the like
	Every      time.Duration `mapstructure:"every"`                // between two fetches
	CA         string        `mapstructure:"ca"`                   // file with the authority of the URL's certificate
	Skew       time.Duration `mapstructure:"skew"`                 // that clocks may differ by
	Require    []string      `mapstructure:"require"`              // claims that have to be there, besides exp

	JWKS, Secret, CAText string // what is in the files
}

// ClaimHeader is a header field that tells the application what a claim says.
type ClaimHeader struct {
	Claim string `mapstructure:"claim"`
	Name  string `mapstructure:"name"`
}

// AccessAPIKeys are keys that requests may carry.
type AccessAPIKeys struct {
	Mode    TokenMode    `mapstructure:"mode"`    // optional, required, alternative, observe or off
	Invalid TokenInvalid `mapstructure:"invalid"` // of one that is not required and not valid: deny or ignore
	From    []KeyPlace   `mapstructure:"from"`
	File    string       `mapstructure:"file"`    // with the hashes of keys
	Header  string       `mapstructure:"header"`  // field that tells the application whose the key is; empty: none
	Forward TokenForward `mapstructure:"forward"` // keep or remove: whether the application gets the key

	Keys string // what is in the file
}

// KeyPlace is where a request carries an API key.
type KeyPlace struct {
	Header string `mapstructure:"header" one:"it"`
	Query  string `mapstructure:"query" one:"it"`
}

// ClaimMatch is a condition on a claim of a token that is valid.
type ClaimMatch struct {
	Name    string   `mapstructure:"name"`
	Values  []string `mapstructure:"values" one:"it"`  // of which it has one
	Regex   string   `mapstructure:"regex" one:"it"`   // RE2, must match the whole of one value
	Present bool     `mapstructure:"present" one:"it"` // it is there
}

// TokenMode says what is asked of requests.
type TokenMode string

// What can be.
const (
	TokenOptional    TokenMode = "optional"
	TokenRequired    TokenMode = "required"
	TokenAlternative TokenMode = "alternative" // one of those that are alternatives is enough
	TokenObserve     TokenMode = "observe"     // that it would be required is told
	TokenOff         TokenMode = "off"
)

// TokenInvalid says what happens to a request with a token that is not required and not valid.
type TokenInvalid string

// What can.
const (
	InvalidDeny   TokenInvalid = "deny"
	InvalidIgnore TokenInvalid = "ignore" // it is a request without one
)

// TokenForward says whether an application gets what has proved who the client is.
type TokenForward string

// Whether it does.
const (
	ForwardKeep   TokenForward = "keep"
	ForwardRemove TokenForward = "remove"
)

// DefaultTokens are tokens of which a file says nothing.
func DefaultTokens() AccessTokens {
	return AccessTokens{Mode: TokenRequired, Invalid: InvalidDeny, MaxSize: 8 * KiB, Forward: ForwardKeep, Realm: "api"}
}

// DefaultIssuer is an issuer of which a file says nothing.
func DefaultIssuer() TokenIssuer { return TokenIssuer{Every: 10 * time.Minute, Skew: time.Minute} }

// DefaultAPIKeys are API keys of which a file says nothing.
func DefaultAPIKeys() AccessAPIKeys {
	return AccessAPIKeys{Mode: TokenRequired, Invalid: InvalidDeny, Forward: ForwardKeep}
}

// present makes of a mapping that is there, and has nothing in it, one that is: decoding leaves it out.
func present[T any](part **T, there bool) {
	if *part == nil && there {
		*part = new(T)
	}
}

func fillTokens(a *Access, has func(key string) bool) {
	present(&a.Tokens, has("tokens"))
	present(&a.APIKeys, has("api_keys"))
	if t, d := a.Tokens, DefaultTokens(); t != nil {
		fill(&t.Mode, d.Mode, has("tokens.mode"))
		fill(&t.Invalid, d.Invalid, has("tokens.invalid"))
		fill(&t.MaxSize, d.MaxSize, has("tokens.max_size"))
		fill(&t.Forward, d.Forward, has("tokens.forward"))
		fill(&t.Realm, d.Realm, has("tokens.realm"))
		for i := range t.Issuers {
			at, d := indexPath("tokens.issuers", i), DefaultIssuer()
			fill(&t.Issuers[i].Every, d.Every, has(at+".every"))
			fill(&t.Issuers[i].Skew, d.Skew, has(at+".skew"))
		}
	}
	if k, d := a.APIKeys, DefaultAPIKeys(); k != nil {
		fill(&k.Mode, d.Mode, has("api_keys.mode"))
		fill(&k.Invalid, d.Invalid, has("api_keys.invalid"))
		fill(&k.Forward, d.Forward, has("api_keys.forward"))
	}
}

// readTokenFiles reads the files that tokens, keys and logins of an access policy name.
func (l *loader) readTokenFiles(path string, a *Access) {
	public := func(at, name string) string {
		doc, _ := l.doc.find(at)
		text, err := l.file(filepath.Dir(doc.file), name)
		l.addErr(at, err)
		return text
	}
	if t := a.Tokens; t != nil {
		for i := range t.Issuers {
			one, at := &t.Issuers[i], indexPath(path+".tokens.issuers", i)
			if one.JWKSFile != "" {
				one.JWKS = public(at+".jwks_file", one.JWKSFile)
			}
			if one.CA != "" {
				one.CAText = public(at+".ca", one.CA)
			}
			if one.SecretFile != "" {
				one.Secret = l.secretText(at+".secret_file", one.SecretFile)
			}
		}
	}
	if k := a.APIKeys; k != nil && k.File != "" {
		k.Keys = public(path+".api_keys.file", k.File)
	}
	if g := a.Login; g != nil && g.KeyFile != "" {
		g.Key = l.secretText(path+".login.key_file", g.KeyFile)
	}
}

// secretText is what is in the file of a secret, without the line break at its end. No bundle keeps it.
func (l *loader) secretText(at, name string) string {
	doc, _ := l.doc.find(at)
	text, err := l.secret(filepath.Dir(doc.file), name)
	l.addErr(at, err)
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if _, away := l.from.(elsewhere); err == nil && !away && len(text) < leastSecret {
		l.add(at, "%d bytes are too few: a secret needs %d, as openssl rand -hex 32 makes them", len(text), leastSecret)
	}
	return text
}

// leastSecret is how many bytes a secret has at least.
const leastSecret = 32

func (c *checker) checkTokens(path string, t *AccessTokens) {
	word(c, path+".mode", t.Mode)
	word(c, path+".invalid", t.Invalid)
	word(c, path+".forward", t.Forward)
	c.sizeBetween(path+".max_size", t.MaxSize, 256, 32*KiB)
	for i, p := range t.From {
		at := indexPath(path+".from", i)
		c.exactlyOne(at, "header", p.Header, "cookie", p.Cookie)
		c.checkPlace(at, p.Header, p.Cookie)
		if p.Scheme != "" && p.Header == "" {
			c.add(at+".scheme", "has no effect without header: remove it")
		} else if p.Scheme != "" && !message.IsToken(p.Scheme) {
			c.add(at+".scheme", "%q is not a scheme: write it like Bearer", p.Scheme)
		}
	}
	if strings.ContainsFunc(t.Realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		c.add(path+".realm", "%q holds a quote or something else than ASCII", t.Realm)
	}
	if len(t.Issuers) == 0 {
		c.add(path, "needs issuers: say whose tokens are taken")
	}
	for i := range t.Issuers {
		one, at := &t.Issuers[i], indexPath(path+".issuers", i)
		c.checkIssuer(at, one)
		for j := range i {
			if one.Issuer != "" && t.Issuers[j].Issuer == one.Issuer {
				c.add(at+".issuer", "is that of %s, too: put audiences and algorithms together", c.name(indexPath(path+".issuers", j), at))
				break
			}
		}
	}
	seen := map[string]bool{}
	for i, h := range t.Headers {
		at := indexPath(path+".headers", i)
		if h.Claim == "" {
			c.add(at+".claim", "required: the claim that the field tells")
		}
		c.checkOwnHeader(at+".name", h.Name)
		if name := strings.ToLower(h.Name); name != "" && seen[name] {
			c.add(at+".name", "%s is used twice", h.Name)
		} else {
			seen[name] = true
		}
	}
}

// checkPlace checks the names of where something is carried.
func (c *checker) checkPlace(at, header, other string) {
	if header != "" {
		c.addErr(at+".header", checkHeaderName(header))
		return
	}
	if other != "" && (strings.ContainsFunc(other, func(r rune) bool { return r <= ' ' || r > '~' }) || strings.ContainsAny(other, `=;,&%+"`)) {
		c.add(at, "%q is not a name: write letters, digits, - and _", other)
	}
}

// tierHeaders are fields that the tier or HTTP itself writes, which nothing else may.
var tierHeaders = []string{
	"host", "connection", "content-length", "content-type", "content-encoding", "transfer-encoding", "te", "trailer", "upgrade", "expect",
	"cookie", "authorization", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "x-request-id",
}

// checkOwnHeader checks the name of a field that the tier tells an application something in.
func (c *checker) checkOwnHeader(at, name string) {
	if name == "" {
		c.add(at, "required: the name of the field")
		return
	}
	if err := checkHeaderName(name); err != nil {
		c.addErr(at, err)
		return
	}
	if strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}) {
		c.add(at, "%q: write letters, digits and hyphens, which all applications read alike", name)
	} else if slices.Contains(tierHeaders, strings.ToLower(name)) {
		c.add(at, "%s means something else already: choose another name", name)
	}
}

func (c *checker) checkIssuer(at string, i *TokenIssuer) {
	if i.Issuer == "" {
		c.add(at+".issuer", "required: the claim iss of its tokens, letter for letter")
	}
	if len(i.Audiences) == 0 {
		c.add(at, "needs audiences: what the claim aud says of tokens that are for the application; \"*\" for tokens that are for anybody")
	} else if slices.Contains(i.Audiences, "*") && len(i.Audiences) > 1 {
		c.add(at+".audiences", "\"*\" lets all in: remove the others, or remove it")
	}
	if !c.exactlyOne(at, "jwks_file", i.JWKSFile, "jwks_url", i.JWKSURL, "secret_file", i.SecretFile) {
		return
	}
	c.distinct(at+".algorithms", i.Algorithms)
	for j, name := range i.Algorithms {
		switch known, symmetric := slices.Contains(allowed[TokenIssuer]("algorithms"), name), strings.HasPrefix(name, "HS"); {
		case strings.EqualFold(name, "none"):
			c.add(indexPath(at+".algorithms", j), "\"none\" is no signature: anybody could say anything")
		case !known:
			c.add(indexPath(at+".algorithms", j), "%q is not %s", name, words(allowed[TokenIssuer]("algorithms")...))
		case symmetric != (i.SecretFile != "") && symmetric:
			c.add(indexPath(at+".algorithms", j), "%s needs secret_file: with public keys anybody could sign", name)
		case symmetric != (i.SecretFile != ""):
			c.add(indexPath(at+".algorithms", j), "%s needs public keys, not a secret: write HS256, HS384 or HS512", name)
		}
	}
	if i.JWKSURL != "" {
		c.addErr(at+".jwks_url", checkKeysURL(i.JWKSURL))
		if i.Every < 30*time.Second {
			c.add(at+".every", "%s is too short: at least 30s", i.Every)
		}
	} else if i.CA != "" {
		c.add(at+".ca", "has no effect without jwks_url: remove it")
	}
	if i.Skew < 0 || i.Skew > 10*time.Minute {
		c.add(at+".skew", "%s is out of range: 0s to 10m", i.Skew)
	}
}

func (c *checker) checkAPIKeys(path string, k *AccessAPIKeys) {
	word(c, path+".mode", k.Mode)
	word(c, path+".invalid", k.Invalid)
	word(c, path+".forward", k.Forward)
	if len(k.From) == 0 {
		c.add(path, "needs from: say where requests carry the key, as in {header: X-Api-Key}")
	}
	for i, p := range k.From {
		at := indexPath(path+".from", i)
		c.exactlyOne(at, "header", p.Header, "query", p.Query)
		c.checkPlace(at, p.Header, p.Query)
	}
	if k.File == "" {
		c.add(path, "needs file: the hashes of the keys")
	}
	if k.Header != "" {
		c.checkOwnHeader(path+".header", k.Header)
	}
}

// checkClaims checks conditions on tokens and keys.
func (c *checker) checkClaims(path string, w *AccessWhen) {
	for i, m := range w.Claims {
		at := indexPath(path+".claims", i)
		if m.Name == "" {
			c.add(at+".name", "required: the name of a claim, or a path such as realm_access.roles")
		}
		present := ""
		if m.Present {
			present = "true"
		}
		c.exactlyOne(at, "values", strings.Join(m.Values, ","), "regex", m.Regex, "present", present)
		if m.Regex != "" {
			c.addErr(at+".regex", checkRegexp(m.Regex))
		}
	}
	c.distinct(path+".api_keys", w.APIKeys)
}

// checkCarried checks that conditions on tokens and keys stand in policies that have some.
func (c *checker) checkCarried(path string, a *Access) {
	visit := func(at string, w *AccessWhen) {
		if len(w.Claims) > 0 && (a.Tokens == nil || a.Tokens.Mode == TokenOff) {
			c.add(at+".claims", "the policy has no tokens: add tokens, or remove it")
		}
		if len(w.APIKeys) > 0 && (a.APIKeys == nil || a.APIKeys.Mode == TokenOff) {
			c.add(at+".api_keys", "the policy has no API keys: add api_keys, or remove it")
		}
	}
	both := func(at string, w *AccessWhen) {
		if w == nil {
			return
		}
		if visit(at, w); w.Not != nil {
			visit(at+".not", w.Not)
		}
	}
	for i := range a.Rules {
		both(indexPath(path+".rules", i)+".when", a.Rules[i].When)
	}
	for i := range a.Limits {
		at := indexPath(path+".limits", i)
		both(at+".when", a.Limits[i].When)
		for j, p := range a.Limits[i].Key {
			visit(indexPath(at+".key", j), p.carried())
		}
	}
}

// carried is what a part of a key asks for, as a condition would.
func (p *KeyPart) carried() *AccessWhen {
	w := &AccessWhen{}
	if p.Claim != "" {
		w.Claims = []ClaimMatch{{Name: p.Claim}}
	}
	if p.Part == KeyAPIKey {
		w.APIKeys = []string{"*"}
	}
	return w
}
