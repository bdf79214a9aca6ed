package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/wafer-waf/wafer/access/token"
	"github.com/wafer-waf/wafer/message"
)

const sharedSecret = "0123456789abcdef0123456789abcdef"

var then = time.Unix(1_800_000_000, 0)

// signed is a token of the issuer with these claims.
func signed(t testing.TB, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"iss": "here", "exp": then.Add(time.Hour).Unix()}
	for name, v := range claims {
		all[name] = v
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(sharedSecret)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	object, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// carrying is a policy that asks so for tokens and for keys, the key of which is "key".
func carrying(t testing.TB, tokens, keys Asked, ignore bool, rules ...Rule) *Policy {
	t.Helper()
	sum := sha256.Sum256([]byte("key"))
	list, err := token.ParseAPIKeys("partner " + hex.EncodeToString(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	p, problems := NewState().Compile(&Config{
		ID: "p", Status: http.StatusForbidden, Rules: rules,
		Tokens: &Tokens{Asked: tokens, Ignore: ignore, Realm: "r", Config: token.Config{
			MaxSize: 4096, Issuers: []token.IssuerConfig{{Issuer: "here", Audiences: []string{token.AnyAudience}, Secret: sharedSecret}},
		}, Fields: []ClaimField{{"sub", "X-User"}}},
		APIKeys: &APIKeys{Asked: keys, Ignore: ignore, Keys: list, Places: []token.Place{{Header: "X-Api-Key"}}, Field: "X-Client"},
	})
	if problems != nil {
		t.Fatal(problems)
	}
	return p
}

func with(bearer, key string) *Request {
	r := &Request{}
	r.Reset([]byte("/"))
	r.Method, r.Target, r.Now, r.Client = "GET", "/", then, netip.MustParseAddr("192.0.2.1")
	r.Household = netip.PrefixFrom(r.Client, 32)
	if bearer != "" {
		r.Fields = append(r.Fields, message.Field{Name: "Authorization", Value: "Bearer " + bearer})
	}
	if key != "" {
		r.Fields = append(r.Fields, message.Field{Name: "X-Api-Key", Value: key})
	}
	return r
}

// What is asked of requests, by each mode of tokens and of keys.
func TestWhatIsAsked(t *testing.T) {
	good := signed(t, nil)
	for _, c := range []struct {
		tokens, keys Asked
		ignore       bool
		bearer, key  string
		rule         string // empty: it passes
		would        string
	}{
		{Something, Disregarded, false, good, "", "", ""},
		{Something, Disregarded, false, "", "", "tokens.missing", ""},
		{Something, Disregarded, true, "x", "", "tokens.malformed", ""},
		{Nothing, Nothing, false, "", "", "", ""},
		{Nothing, Nothing, false, "x", "", "tokens.malformed", ""},
		{Nothing, Nothing, true, "x", "x", "", ""},
		{Nothing, Nothing, false, good, "x", "api_keys.not_a_key", ""},
		{Something, Something, false, good, "", "api_keys.missing", ""},
		{Something, Something, false, good, "key", "", ""},
		{OneOf, OneOf, false, "", "", "tokens.missing", ""},
		{OneOf, OneOf, false, good, "", "", ""},
		{OneOf, OneOf, false, "", "key", "", ""},
		{OneOf, OneOf, false, "x", "key", "tokens.malformed", ""},
		{OneOf, OneOf, true, "x", "key", "", ""},
		{OneOf, OneOf, true, "", "x", "api_keys.not_a_key", ""},
		{OneOf, Nothing, false, "", "key", "tokens.missing", ""},
		{Watched, Disregarded, false, "", "", "", "tokens.missing"},
		{Watched, Disregarded, false, "x", "", "", "tokens.malformed"},
		{Disregarded, Disregarded, false, "x", "x", "", ""},
	} {
		d := carrying(t, c.tokens, c.keys, c.ignore).Decide(with(c.bearer, c.key))
		if (d.Verdict == Unauthenticated) != (c.rule != "") || c.rule != "" && d.Rule != c.rule || d.WouldRule != c.would {
			t.Errorf("%+v: %v by %q, would %q", c, d.Verdict, d.Rule, d.WouldRule)
		}
		if d.Verdict == Unauthenticated && (d.Status != http.StatusUnauthorized || len(d.Demands) != 1) {
			t.Errorf("%+v: %d, %v", c, d.Status, d.Demands)
		}
	}
}

func TestConditionsOnWhatIsCarried(t *testing.T) {
	claims := func(all ...Claim) *When { return &When{Claims: all} }
	good := signed(t, map[string]any{"sub": "ann", "roles": []string{"reader", "admin"}, "n": 7})
	for name, c := range map[string]struct {
		when    *When
		r       *Request
		applies bool
	}{
		"a value":               {claims(Claim{Name: "roles", Values: []string{"x", "admin"}}), with(good, ""), true},
		"another value":         {claims(Claim{Name: "roles", Values: []string{"adm"}}), with(good, ""), false},
		"a whole match":         {claims(Claim{Name: "sub", Regex: "a.n"}), with(good, ""), true},
		"a part of one":         {claims(Claim{Name: "sub", Regex: "a|n"}), with(good, ""), false},
		"there":                 {claims(Claim{Name: "n"}), with(good, ""), true},
		"not there":             {claims(Claim{Name: "m"}), with(good, ""), false},
		"both":                  {claims(Claim{Name: "n"}, Claim{Name: "sub", Values: []string{"bob"}}), with(good, ""), false},
		"no token":              {claims(Claim{Name: "sub"}), with("", ""), false},
		"a token that is wrong": {claims(Claim{Name: "sub"}), with(good[:len(good)-2]+"AA", ""), false},
		"without":               {&When{Not: claims(Claim{Name: "sub"})}, with("", ""), true},
		"a key":                 {&When{APIKeys: []string{"partner"}}, with("", "key"), true},
		"any key":               {&When{APIKeys: []string{"*"}}, with("", "key"), true},
		"another's key":         {&When{APIKeys: []string{"shop"}}, with("", "key"), false},
		"no key":                {&When{APIKeys: []string{"*"}}, with("", "x"), false},
	} {
		p := carrying(t, Nothing, Nothing, true, Rule{ID: "it", When: c.when, Then: Denies})
		if d := p.Decide(c.r); (d.Verdict == Deny) != c.applies {
			t.Errorf("%s: %v by %q", name, d.Verdict, d.Rule)
		}
	}
}

// Nobody but the tier writes what an application believes.
func TestForwarding(t *testing.T) {
	f := NewForwarding(
		&Tokens{Fields: []ClaimField{{"sub", "X-User"}}, Remove: true, Config: token.Config{Places: []token.Place{{Header: "Authorization", Scheme: "Bearer"}, {Cookie: "session"}}}},
		&APIKeys{Field: "X-Client", Remove: true, Places: []token.Place{{Query: "api_key"}}},
	)
	for _, c := range []struct {
		name, value, want string
		passes            bool
	}{
		{"x-user", "root", "", false}, {"X-CLIENT", "root", "", false}, {"X-Users", "a", "a", true},
		{"authorization", "bearer x", "", false}, {"Authorization", "Basic x", "Basic x", true},
		{"Cookie", "session=x", "", false}, {"Cookie", "a=b; session=x; Session=y; c", "a=b; c", true}, {"cookie", "a=b;c=d", "a=b;c=d", true},
	} {
		got, passes := f.Passes(&message.Field{Name: c.name, Value: c.value})
		if got != c.want || passes != c.passes {
			t.Errorf("%s: %s becomes %q, %t", c.name, c.value, got, passes)
		}
	}
	if got := f.Target("/a?b&api_key=x"); got != "/a?b" {
		t.Error(got)
	}
	left := f.Trailers(message.Fields{{Name: "X-User", Value: "root"}, {Name: "Digest", Value: "x"}})
	if len(left) != 1 || left[0].Name != "Digest" {
		t.Errorf("%v", left)
	}
	var none *Forwarding
	if _, passes := none.Passes(&message.Field{Name: "X-User"}); !passes || none.Target("/?a") != "/?a" || none.Append(nil, with("", "")) != nil {
		t.Error("where nothing is to be done something is")
	}
}

func TestExplainOfTokens(t *testing.T) {
	p := carrying(t, OneOf, OneOf, false)
	r := with(signed(t, nil), "x")
	r.Dry = true
	var says []string
	for _, step := range p.Explain(r) {
		says = append(says, step.What+": "+step.Says)
	}
	if got := strings.Join(says, "; "); !strings.Contains(got, "tokens: token: valid, API key: not_a_key: refused") {
		t.Error(got)
	}
}

// A request with a token that was verified before costs no allocation.
func TestKnownTokenAllocatesNothing(t *testing.T) {
	p := carrying(t, Something, Disregarded, false, Rule{ID: "a", When: &When{Claims: []Claim{{Name: "sub", Values: []string{"eve"}}}}, Then: Denies})
	r := with(signed(t, map[string]any{"sub": "ann"}), "")
	p.Decide(r)
	if n := testing.AllocsPerRun(100, func() {
		if d := p.Decide(r); d.Verdict != Pass {
			t.Fatalf("%+v", d)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecideKnownToken(b *testing.B) {
	p := carrying(b, Something, Disregarded, false, Rule{ID: "a", When: &When{Claims: []Claim{{Name: "sub", Values: []string{"eve"}}}}, Then: Denies})
	r := with(signed(b, map[string]any{"sub": "ann", "email": "ann@mail.example", "roles": []string{"reader", "admin"}}), "")
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(r)
	}
}
