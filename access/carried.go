package access

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/access/token"
	"github.com/wafer-waf/wafer/message"
)

// Asked says what is asked of requests that may carry something.
type Asked uint8

// What can be.
const (
	Nothing     Asked = iota // what is carried and valid is known
	Something                // it is required
	OneOf                    // it, or the other of which the same is asked
	Watched                  // that it would be required is told
	Disregarded              // it is not looked at
)

// Tokens are those that requests may carry.
type Tokens struct {
	token.Config
	Asked  Asked
	Ignore bool // what is not valid, where it is not required: the request is one without
	Realm  string
	Fields []ClaimField // that tell the application what claims say
	Remove bool         // the token from what is forwarded
}

// ClaimField is a header field for a claim.
type ClaimField struct{ Claim, Name string }

// APIKeys are keys that requests may carry.
type APIKeys struct {
	Places []token.Place
	Keys   *token.APIKeys
	Asked  Asked
	Ignore bool
	Field  string // that tells the application whose the key is; empty: none
	Remove bool
}

// carriage is what a policy makes of what requests carry. It is a [Part].
type carriage struct {
	tokens   *Tokens
	keys     *APIKeys
	verifier *token.Verifier
	remotes  []*token.Remote
	tokenNo  [token.Reasons]refusal
	keyNo    [token.Reasons]refusal
	counted  func(of, reason string)
	would    func(rule string) // is told of who would be refused
}

// refusal is what a request gets for a reason.
type refusal struct {
	status int
	rule   string
	wait   time.Duration
	fields message.Fields
}

// proved is what a request has proved, as far as somebody has asked.
type proved struct {
	by       *carriage
	tokenAsk bool
	keyAsk   bool
	identity *token.Identity
	tokenWhy token.Reason
	client   string
	keyWhy   token.Reason
}

// newCarriage returns what a policy makes of what requests carry; nil: nothing. Claims are those that it asks for.
func newCarriage(t *Tokens, k *APIKeys, claims []string, counted func(of, reason string)) *carriage {
	if t != nil && t.Asked == Disregarded {
		t = nil
	}
	if k != nil && k.Asked == Disregarded {
		k = nil
	}
	if t == nil && k == nil {
		return nil
	}
	c := &carriage{tokens: t, keys: k, counted: counted}
	if t != nil {
		config := t.Config
		config.Claims = slices.Clone(claims)
		for _, f := range t.Fields {
			config.Claims, config.Fields = append(config.Claims, f.Claim), append(config.Fields, f.Claim)
		}
		slices.Sort(config.Claims)
		config.Claims = slices.Compact(config.Claims)
		c.verifier = token.New(config)
		for _, i := range config.Issuers {
			if i.Remote != nil {
				c.remotes = append(c.remotes, i.Remote)
			}
		}
		for why := range token.Reasons {
			c.tokenNo[why] = bearerRefusal(why, t.Realm)
		}
	}
	for why := range token.Reasons {
		c.keyNo[why] = refusal{status: http.StatusUnauthorized, rule: "api_keys." + why.String(), fields: message.Fields{{Name: "WWW-Authenticate", Value: "ApiKey"}}}
	}
	return c
}

// bearerRefusal is how RFC 6750 has a request refused.
func bearerRefusal(why token.Reason, realm string) refusal {
	r := refusal{status: http.StatusUnauthorized, rule: "tokens." + why.String()}
	challenge := `Bearer realm="` + realm + `"`
	switch why {
	case token.Missing: // who has not tried is told of no error (3.1)
	case token.Several:
		r.status = http.StatusBadRequest
		challenge += `, error="invalid_request", error_description="` + why.Told() + `"`
	case token.Throttled:
		r.status, r.wait = http.StatusTooManyRequests, time.Minute
		return r
	case token.KeysMissing:
		r.status, r.wait = http.StatusServiceUnavailable, 5*time.Second
		return r
	default:
		challenge += `, error="invalid_token", error_description="` + why.Told() + `"`
	}
	r.fields = message.Fields{{Name: "WWW-Authenticate", Value: challenge}}
	return r
}

// carrying is the request as package token knows it.
func (r *Request) carrying() token.Request {
	return token.Request{Fields: r.Fields, Target: r.Target, Client: r.Household.Addr(), Now: r.Now}
}

// token returns who the request's token says it is, which is found out once.
func (r *Request) token() (*token.Identity, token.Reason) {
	p := &r.proved
	if p.by == nil || p.by.verifier == nil {
		return nil, token.Missing
	}
	if !p.tokenAsk {
		p.tokenAsk = true
		asked := r.carrying()
		p.identity, p.tokenWhy = p.by.verifier.Verify(&asked)
		p.by.count("token", p.tokenWhy)
	}
	return p.identity, p.tokenWhy
}

// key returns whose API key the request has.
func (r *Request) key() (string, token.Reason) {
	p := &r.proved
	if p.by == nil || p.by.keys == nil {
		return "", token.Missing
	}
	if !p.keyAsk {
		p.keyAsk = true
		asked := r.carrying()
		p.client, p.keyWhy = p.by.keys.Keys.Client(p.by.keys.Places, &asked)
		p.by.count("api_key", p.keyWhy)
	}
	return p.client, p.keyWhy
}

func (c *carriage) count(of string, why token.Reason) {
	if c.counted != nil {
		c.counted(of, why.String())
	}
}

// explained is what Explain makes of requests, of which nothing is counted.
func (c *carriage) explained() *carriage {
	if c == nil {
		return nil
	}
	quiet := *c
	quiet.counted, quiet.would = nil, nil
	return &quiet
}

// Claim returns what a claim of the request's valid token says, if the policy asks for it anywhere.
func (r *Request) Claim(name string) []string {
	identity, _ := r.token()
	return identity.Claim(name)
}

// APIKey returns whose valid API key the request has; empty: none.
func (r *Request) APIKey() string {
	client, _ := r.key()
	return client
}

// Decide implements [Part].
func (c *carriage) Decide(r *Request) (d Decision) {
	held, alternatives := false, false
	var lacking *refusal // the first of the alternatives that is not there
	for _, part := range c.parts(r) {
		if part.asked == Disregarded {
			continue
		}
		valid, invalid := part.why == token.None, part.why > token.Missing
		no := &part.no[part.why]
		switch {
		case valid && part.asked == OneOf:
			held, alternatives = true, true
		case valid:
		case part.asked == Watched:
			if d.would(Unauthenticated, no.rule); c.would != nil {
				c.would(no.rule)
			}
		case part.asked == Something, invalid && !part.ignore:
			return no.decision(d)
		case part.asked == OneOf:
			if alternatives = true; lacking == nil || invalid {
				lacking = no
			}
		}
	}
	if alternatives && !held {
		return lacking.decision(d)
	}
	return d
}

// part is one of the two things that a request may carry.
type part struct {
	asked  Asked
	ignore bool
	why    token.Reason
	no     *[token.Reasons]refusal
}

func (c *carriage) parts(r *Request) [2]part {
	all := [2]part{{asked: Disregarded}, {asked: Disregarded}}
	if c.tokens != nil {
		_, why := r.token()
		all[0] = part{c.tokens.Asked, c.tokens.Ignore, why, &c.tokenNo}
	}
	if c.keys != nil {
		_, why := r.key()
		all[1] = part{c.keys.Asked, c.keys.Ignore, why, &c.keyNo}
	}
	return all
}

func (no *refusal) decision(d Decision) Decision {
	d.Verdict, d.Status, d.Rule, d.RetryAfter, d.Demands = Unauthenticated, no.status, no.rule, no.wait, no.fields
	return d
}

// Explain implements [Part].
func (c *carriage) Explain(r *Request) string {
	var says []string
	for i, what := range []string{"token", "API key"} {
		switch p := c.parts(r)[i]; {
		case p.asked == Disregarded:
		case p.why == token.None:
			says = append(says, what+": valid")
		case p.why == token.KeysMissing:
			says = append(says, what+": only a running tier has fetched the issuer's keys")
		default:
			says = append(says, what+": "+p.why.String())
		}
	}
	text := strings.Join(says, ", ")
	if d := c.Decide(r); d.Verdict != Pass {
		return text + ": refused"
	}
	return text
}

// Forwarding is what becomes of what proves who a client is, and of fields that tell the application who it is,
// when a request is forwarded. It holds whatever the mode of the policy is: a client may never write such a field.
type Forwarding struct {
	own     []string // fields that the tier alone writes
	fields  []ClaimField
	key     string
	removed []token.Place
}

// NewForwarding returns what is to be done; nil: nothing.
func NewForwarding(t *Tokens, k *APIKeys) *Forwarding {
	f := &Forwarding{}
	if t != nil {
		f.fields = t.Fields
		for _, one := range t.Fields {
			f.own = append(f.own, one.Name)
		}
		if t.Remove {
			places := t.Places
			if len(places) == 0 {
				places = token.DefaultPlaces
			}
			f.removed = append(f.removed, places...)
		}
	}
	if k != nil {
		if f.key = k.Field; k.Field != "" {
			f.own = append(f.own, k.Field)
		}
		if k.Remove {
			f.removed = append(f.removed, k.Places...)
		}
	}
	if len(f.own)+len(f.removed) == 0 {
		return nil
	}
	return f
}

// Passes returns the value with which a field of the client's passes, or false if it does not.
func (f *Forwarding) Passes(field *message.Field) (value string, passes bool) {
	value = field.Value
	if f == nil {
		return value, true
	}
	for _, name := range f.own {
		if field.Is(name) {
			return "", false
		}
	}
	for i := range f.removed {
		switch p := &f.removed[i]; {
		case p.Header != "" && field.Is(p.Header) && p.Carries(value):
			return "", false
		case p.Cookie != "" && field.Is("Cookie"):
			if value = token.WithoutCookie(value, p.Cookie); value == "" {
				return "", false
			}
		}
	}
	return value, true
}

// Trailers are those of the fields behind a body that pass.
func (f *Forwarding) Trailers(fields message.Fields) message.Fields {
	if f == nil {
		return fields
	}
	return slices.DeleteFunc(fields, func(field message.Field) bool {
		_, passes := f.Passes(&field)
		return !passes
	})
}

// Target is the target that is asked of the application.
func (f *Forwarding) Target(target string) string {
	if f == nil {
		return target
	}
	for i := range f.removed {
		target = token.Without(target, f.removed[i].Query)
	}
	return target
}

// Append adds the fields that tell who the client has proved to be.
func (f *Forwarding) Append(to message.Fields, r *Request) message.Fields {
	if f == nil || r == nil {
		return to
	}
	for _, one := range f.fields {
		if all := r.Claim(one.Claim); len(all) > 0 {
			to = append(to, message.Field{Name: one.Name, Value: strings.Join(all, ",")})
		}
	}
	if f.key != "" {
		if client := r.APIKey(); client != "" {
			to = append(to, message.Field{Name: f.key, Value: client})
		}
	}
	return to
}
