package ordinary

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/test/corpus"
)

// author draws what requests are made of.
type author struct{ *rand.Rand }

func (a *author) one(list []string) string { return list[a.IntN(len(list))] }

// chance is true in so many of a hundred cases.
func (a *author) chance(percent int) bool { return a.IntN(100) < percent }

func (a *author) between(least, most int) int { return least + a.IntN(most-least+1) }

func (a *author) of(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[a.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	lowerHex = "0123456789abcdef"
	digits   = "0123456789"
	lower    = "abcdefghijklmnopqrstuvwxyz"
	upper    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	urlSafe  = digits + upper + lower + "-_"
)

func (a *author) hex(n int) string    { return a.of(lowerHex, n) }
func (a *author) digits(n int) string { return a.of(digits[1:], 1) + a.of(digits, n-1) }
func (a *author) alnum(n int) string  { return a.of(digits+upper+lower, n) }
func (a *author) safe(n int) string   { return a.of(urlSafe, n) }

func (a *author) base64(n int) string { return base64.StdEncoding.EncodeToString(a.bytes(n)) }

// bytes are n bytes as compressed or encrypted data has them.
func (a *author) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(a.IntN(256))
	}
	return b
}

func (a *author) uuid() string {
	return a.hex(8) + "-" + a.hex(4) + "-4" + a.hex(3) + "-" + a.of("89ab", 1) + a.hex(3) + "-" + a.hex(12)
}

// jwt is a token of three parts.
func (a *author) jwt() string {
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString([]byte(encode(v))) }
	return part(object{"alg": "RS256", "typ": "JWT", "kid": a.hex(16)}) + "." +
		part(object{"sub": a.uuid(), "iss": "https://login.example.org/", "aud": a.alnum(24), "exp": a.moment().Unix(), "scope": "openid profile email"}) +
		"." + a.safe(342)
}

// moment is some time in the year before the corpus was written.
func (a *author) moment() time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(a.Int64N(300*24*3600*1000)) * time.Millisecond)
}

func (a *author) millis() int64 { return a.moment().UnixMilli() }

func (a *author) iso() string {
	return a.moment().Format([]string{time.RFC3339, "2006-01-02T15:04:05.000Z", "2006-01-02T15:04:05+01:00", "2006-01-02"}[a.IntN(4)])
}

func (a *author) name() string { return a.one(firstNames) + " " + a.one(lastNames) }

func (a *author) email() string {
	last := strings.NewReplacer("'", "", " ", "", "ü", "ue", "ö", "oe", "Ł", "L").Replace(a.one(lastNames))
	return strings.ToLower(a.one(firstNames)+a.of("._-+", 1)+last) + "@" + a.one(sites)
}

// slug is the last part of an address that people read.
func (a *author) slug() string {
	parts := make([]string, a.between(2, 6))
	for i := range parts {
		parts[i] = a.one(nouns)
	}
	return strings.Join(parts, "-")
}

func (a *author) title() string {
	switch a.IntN(8) {
	case 0, 1, 2:
		return a.one(headlines)
	case 3, 4:
		return a.query() + " | " + a.one(brands)
	case 5:
		return a.one(nouns) + " & " + a.one(nouns) + " – " + a.one(brands)
	}
	return a.one(headlines) + " - " + a.one(sites)
}

// query is what somebody types into a search field.
func (a *author) query() string {
	if a.chance(2) {
		return a.one(queriesOdd)
	}
	switch a.IntN(5) {
	case 0, 1:
		return a.one(queriesForeign)
	case 2:
		return a.one(nouns) + " " + a.one(nouns)
	}
	return a.one(queriesEnglish)
}

// prose is some sentences in one of many languages.
func (a *author) prose(n int) string {
	list := sentencesEnglish
	if a.chance(40) {
		list = sentencesForeign
	}
	parts := make([]string, n)
	for i := range parts {
		parts[i] = a.one(list)
	}
	return strings.Join(parts, a.one([]string{" ", " ", "\n", "\n\n"}))
}

// page is the address of a page, as beacons and Referer have it.
func (a *author) page() string {
	at := "https://" + a.one([]string{"www.", "www.", "", "m.", "shop.", "blog."}) + a.one(sites) + "/"
	switch a.IntN(9) {
	case 0:
		return at
	case 1:
		return at + a.one(sections) + "/" + a.slug() + "?utm_source=" + a.one(sources) + "&utm_medium=cpc&utm_campaign=" + url.QueryEscape(a.query()) + "&gclid=" + a.safe(55)
	case 2:
		return at + "search?q=" + url.QueryEscape(a.query()) + "&page=" + a.digits(1)
	case 3:
		return at + a.one(sections) + "/" + a.digits(6) + "/" + a.slug() + ".html?fbclid=" + a.safe(61)
	case 4:
		return at + a.one(sections) + "/#/" + a.one(nouns) + "/" + a.digits(3)
	case 5:
		return at + a.moment().Format("2006/01/02/") + a.slug() + "/"
	}
	return at + a.one(sections) + "/" + a.slug()
}

func (a *author) size() string {
	return a.one([]string{"1920x1080", "1536x864", "390x844", "412x915", "2560x1440", "1440x900", "360x800"})
}

func (a *author) version() string {
	return fmt.Sprintf("%d.%d.%d", a.between(1, 9), a.between(0, 40), a.between(0, 20))
}

type object = map[string]any

// encode is JSON as a browser writes it.
func encode(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // of what this package writes, everything has a JSON form
	return strings.TrimSuffix(b.String(), "\n")
}

// pair is one field of a query or a form.
type pair struct{ name, value string }

// query writes a query or a form as encodeURIComponent does it, or, which is rarer, as a form
// does it.
func (a *author) encoded(list ...pair) string {
	escape := component
	if a.chance(25) {
		escape = url.QueryEscape
	}
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = escape(p.name) + "=" + escape(p.value)
	}
	return strings.Join(parts, "&")
}

// component is JavaScript's encodeURIComponent.
func component(s string) string {
	return strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%7E", "~").Replace(url.QueryEscape(s))
}

// Request is one request of the corpus.
type Request = corpus.Request

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
