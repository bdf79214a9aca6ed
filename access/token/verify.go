package token

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/wafer-waf/wafer/message"
)

// IssuerConfig is somebody whose tokens are taken. Exactly one of Keys, Remote and Secret is set.
type IssuerConfig struct {
	Issuer     string   // the claim iss, byte for byte
	Audiences  []string // of which the claim aud has to name one; AnyAudience: it need not
	Algorithms []string // empty: DefaultAlgorithms, or HS256 with a secret
	Keys       *Keys
	Remote     *Remote
	Secret     string
	Skew       time.Duration // that clocks may differ by
	Required   []string      // claims that have to be there, besides exp
}

// Config is what a Verifier is made of.
type Config struct {
	Places  []Place
	MaxSize int
	Issuers []IssuerConfig
	Claims  []string // that an Identity is asked for
	Fields  []string // of Claims, those that become fields of requests
}

// Verifier verifies the tokens of requests.
type Verifier struct {
	places  []Place
	maxSize int
	issuers []*issuer
	claims  []string
	fields  []bool // by the place in claims
	cache   cache
	guard   guard
}

type issuer struct {
	IssuerConfig
	algorithms []jose.SignatureAlgorithm
	fixed      *Keys
}

// New returns a Verifier. What is wrong with a configuration is to be found before.
func New(c Config) *Verifier {
	v := &Verifier{places: c.Places, maxSize: c.MaxSize, claims: slices.Clone(c.Claims)}
	if len(v.places) == 0 {
		v.places = DefaultPlaces
	}
	for _, name := range v.claims {
		v.fields = append(v.fields, contains(c.Fields, name))
	}
	for _, one := range c.Issuers {
		names := one.Algorithms
		i := &issuer{IssuerConfig: one, fixed: one.Keys}
		if one.Secret != "" {
			i.fixed = secret(one.Secret)
		}
		switch {
		case len(names) > 0:
		case one.Secret != "":
			names = []string{"HS256"}
		default:
			names = DefaultAlgorithms
		}
		for _, name := range names {
			i.algorithms = append(i.algorithms, jose.SignatureAlgorithm(name))
		}
		v.issuers = append(v.issuers, i)
	}
	return v
}

// Identity is who a request has proved to be.
type Identity struct {
	Issuer string // its claim iss
	names  []string
	values [][]string
}

// Claim returns what a claim says: nothing if the token has none of the name, or if nobody asks for it.
func (i *Identity) Claim(name string) []string {
	if i == nil {
		return nil
	}
	for n := range i.names {
		if i.names[n] == name {
			return i.values[n]
		}
	}
	return nil
}

// Request is what a Verifier has to know of a request.
type Request struct {
	Fields message.Fields
	Target string
	Client netip.Addr // the household, whose vain attempts are counted together
	Now    time.Time
}

// Verify returns who a request has proved to be, or why it has not.
func (v *Verifier) Verify(r *Request) (*Identity, Reason) {
	c := carriedIn(v.places, r.Fields, r.Target)
	switch {
	case c.many:
		return nil, Several
	case !c.found:
		return nil, Missing
	case len(c.text) > v.maxSize:
		return nil, TooLarge
	}
	h := hash(c.text)
	if e := v.cache.get(&h); e != nil {
		switch {
		case !r.Now.Before(e.until):
			v.cache.drop(e)
			return nil, Expired
		case e.from.After(r.Now):
			return nil, NotYet
		case e.keys == v.current(e.identity.Issuer):
			return e.identity, None
		}
		v.cache.drop(e)
	}
	return v.verify(c.text, &h, r)
}

// current are the keys of an issuer at the moment.
func (v *Verifier) current(name string) *Keys {
	for _, i := range v.issuers {
		if i.Issuer == name {
			return i.keys()
		}
	}
	return nil
}

func (i *issuer) keys() *Keys {
	if i.fixed != nil {
		return i.fixed
	}
	return i.Remote.Keys()
}

// verify looks at everything that costs little first: whoever makes tokens up is not to have them computed.
func (v *Verifier) verify(text string, h *[32]byte, r *Request) (*Identity, Reason) {
	p, ok := parse(text)
	if !ok {
		return nil, Malformed
	}
	name, _ := p.claims["iss"].(string)
	at := slices.IndexFunc(v.issuers, func(i *issuer) bool { return i.Issuer == name })
	if at < 0 {
		return nil, Issuer
	}
	i := v.issuers[at]
	if !slices.Contains(i.algorithms, p.algorithm) {
		return nil, Algorithm
	}
	from, until, why := i.times(p, r.Now)
	if why != None {
		return nil, why
	}
	if !meant(p.claims, i.Audiences) {
		return nil, Audience
	}
	for _, name := range i.Required {
		if claim, ok := lookup(p.claims, name); !ok || claim == nil || claim == "" {
			return nil, Claim
		}
	}
	keys, why := v.signed(i, p, r)
	if why != None {
		return nil, why
	}
	identity, size, ok := v.identity(i, p)
	if !ok {
		return nil, Claim
	}
	v.cache.put(&entry{hash: *h, identity: identity, keys: keys, from: from, until: until, bytes: size})
	return identity, None
}

// times are from when and until when a token is valid, with what clocks may differ by.
func (i *issuer) times(p *parsed, now time.Time) (from, until time.Time, why Reason) {
	until, ok := date(p.claims["exp"])
	if !ok {
		return from, until, Claim
	}
	if until = until.Add(i.Skew); !now.Before(until) {
		return from, until, Expired
	}
	if begins, there := p.claims["nbf"]; there {
		if from, ok = date(begins); !ok {
			return from, until, Claim
		}
		if from = from.Add(-i.Skew); from.After(now) {
			return from, until, NotYet
		}
	}
	return from, until, None
}

// signed reports whether the issuer has signed the token, and with which keys that was found.
func (v *Verifier) signed(i *issuer, p *parsed, r *Request) (*Keys, Reason) {
	if !v.guard.take(r.Client, r.Now) {
		return nil, Throttled
	}
	keys := i.keys()
	var room [mostTried]key
	var tried []key
	if keys != nil {
		tried = keys.find(room[:0], p.keyID, p.algorithm)
	}
	if len(tried) == 0 && i.fixed == nil {
		if keys = i.Remote.Again(keys); keys != nil {
			tried = keys.find(room[:0], p.keyID, p.algorithm)
		}
	}
	switch {
	case keys == nil:
		v.guard.giveBack(r.Client, r.Now) // which is no fault of the client
		return nil, KeysMissing
	case len(tried) == 0:
		return nil, UnknownKey
	}
	signature, err := jose.ParseSignedCompact(p.text, i.algorithms)
	if err != nil {
		return nil, Malformed
	}
	for _, k := range tried {
		if _, err := signature.Verify(k.public); err == nil {
			v.guard.giveBack(r.Client, r.Now)
			return keys, None
		}
	}
	return nil, Signature
}

// identity makes of a verified token what is kept of it.
func (v *Verifier) identity(i *issuer, p *parsed) (identity *Identity, size int, ok bool) {
	identity = &Identity{Issuer: i.Issuer, names: v.claims, values: make([][]string, len(v.claims))}
	for n, name := range v.claims {
		claim, there := lookup(p.claims, name)
		if !there {
			continue
		}
		all := texts(name, claim)
		if v.fields[n] && !passable(all) {
			return nil, 0, false
		}
		for j := range all {
			all[j] = strings.Clone(all[j])
			size += len(all[j]) + 16
		}
		identity.values[n] = all
		size += 24
	}
	return identity, size, true
}

// Held is how many verified tokens are remembered, and about how many bytes that takes.
func (v *Verifier) Held() (tokens, bytes int) { return v.cache.held() }
