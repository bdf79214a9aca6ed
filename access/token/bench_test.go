package token

import (
	"testing"

	"github.com/wafer-waf/wafer/message"
)

func browser(text string) *Request {
	r := bearing()
	for _, name := range []string{"Host", "User-Agent", "Accept", "Accept-Language", "Accept-Encoding", "Referer", "Cookie"} {
		r.Fields = append(r.Fields, message.Field{Name: name, Value: "some value of an ordinary length, as browsers send it"})
	}
	r.Fields = append(r.Fields, message.Field{Name: "Authorization", Value: "Bearer " + text})
	return r
}

// BenchmarkCached is a request whose token was verified before, of the length that issuers make them.
func BenchmarkCached(b *testing.B) {
	v := verifier(b, nil)
	r := browser(honest(b, map[string]any{"roles": []string{"one", "two"}, "email": "somebody@mail.example", "jti": "0123456789abcdef0123456789abcdef"}))
	if _, why := v.Verify(r); why != None {
		b.Fatal(why)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, why := v.Verify(r); why != None {
			b.Fatal(why)
		}
	}
}

// BenchmarkMissing is a request without a token.
func BenchmarkMissing(b *testing.B) {
	v := verifier(b, nil)
	r := browser("")
	r.Fields = r.Fields[:len(r.Fields)-1]
	b.ReportAllocs()
	for b.Loop() {
		_, _ = v.Verify(r)
	}
}

// BenchmarkVerify is a token that is seen for the first time.
func BenchmarkVerify(b *testing.B) {
	for algorithm, kid := range map[string]string{"RS256": "r", "ES256": "e", "EdDSA": "d"} {
		b.Run(algorithm, func(b *testing.B) {
			v := verifier(b, nil)
			text := sign(b, algorithm, `{"alg":"`+algorithm+`","kid":"`+kid+`"}`, claims(b, nil))
			h := hash(text)
			r := bearing(text)
			b.ReportAllocs()
			for b.Loop() {
				if _, why := v.verify(text, &h, r); why != None {
					b.Fatal(why)
				}
			}
		})
	}
}

// BenchmarkExpired is one whose signature nobody looks at.
func BenchmarkExpired(b *testing.B) {
	v := verifier(b, nil)
	r := bearing(honest(b, map[string]any{"exp": 1}))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = v.Verify(r)
	}
}

// BenchmarkAPIKey is a request with an API key.
func BenchmarkAPIKey(b *testing.B) {
	k, err := ParseAPIKeys("shop " + digest("0123456789abcdef0123456789abcdef"))
	if err != nil {
		b.Fatal(err)
	}
	r := browser("x")
	r.Fields = append(r.Fields, message.Field{Name: "X-Api-Key", Value: "0123456789abcdef0123456789abcdef"})
	places := []Place{{Header: "X-Api-Key"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, why := k.Client(places, r); why != None {
			b.Fatal(why)
		}
	}
}
