package corpus

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// author draws what requests are made of. Two authors of one name write the same.
type author struct{ *rand.Rand }

func newAuthor(name string) *author {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return &author{rand.New(rand.NewPCG(2026, h.Sum64()))}
}

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
	letters  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

func (a *author) hex(n int) string   { return a.of(lowerHex, n) }
func (a *author) alnum(n int) string { return a.of(digits+letters, n) }

// bytes are n bytes as a compressed file has them.
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

// moment is some time in the year before the corpus was written.
func (a *author) moment() time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(a.Int64N(300*24*3600)) * time.Second)
}

func (a *author) iso() string {
	return a.moment().Format([]string{time.RFC3339, "2006-01-02T15:04:05.000Z", "2006-01-02T15:04:05+01:00", "2006-01-02"}[a.IntN(4)])
}

func (a *author) name() string { return a.one(firstNames) + " " + a.one(lastNames) }

func (a *author) email() string {
	return strings.ToLower(a.one(firstNames)+a.of("._-+", 1)+strings.ReplaceAll(a.one(lastNames), "'", "")) + strconv.Itoa(a.IntN(100)) + "@mail.example.com"
}

func (a *author) street() string { return fmt.Sprintf("%s %d", a.one(streets), a.between(1, 200)) }

func (a *author) phone() string {
	return fmt.Sprintf([]string{"+49 %d %d", "0%d/%d", "+1 (%d) %d", "%d-%d"}[a.IntN(4)], a.between(200, 899), a.between(1000000, 9999999))
}

// title is a few words for a thing that is sold.
func (a *author) title() string {
	return a.one(colors) + " " + a.one(materials) + " " + a.one(products)
}

// prose is that many sentences of what people write.
func (a *author) prose(sentences int) string {
	list := make([]string, sentences)
	for i := range list {
		list[i] = a.one(sentencesEnglish)
	}
	return strings.Join(list, " ")
}

// proseOf is prose of about that many bytes.
func (a *author) proseOf(size int) string {
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(a.one(sentencesEnglish) + " ")
	}
	return strings.TrimSpace(b.String()[:size])
}

// markup is a product's description as an editor in a browser leaves it.
func (a *author) markup(size int) string {
	var b strings.Builder
	for b.Len() < size {
		switch a.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "<p>%s <strong>%s</strong></p>\n", a.one(sentencesEnglish), a.title())
		case 1:
			fmt.Fprintf(&b, "<ul><li>%s</li><li>%s</li></ul>", a.title(), a.one(sentencesEnglish))
		case 2:
			fmt.Fprintf(&b, "<p>%s</p>", a.prose(2))
		default:
			fmt.Fprintf(&b, "%s<br>It's %d cm &amp; %d g. ", a.one(sentencesEnglish), a.between(10, 80), a.between(100, 900))
		}
	}
	return b.String()
}

func (a *author) slug() string {
	return strings.ToLower(strings.ReplaceAll(a.title(), " ", "-")) + "-" + strconv.Itoa(a.between(1000, 99999))
}

func (a *author) url() string {
	return [...]string{
		"https://cdn.example.com/img/" + a.hex(12) + ".webp?w=640&q=75",
		"https://www.example.org/blog/" + a.slug(),
		"https://" + Host + "/" + a.one(sections) + "/" + a.slug() + "?ref=" + a.alnum(8),
		"http://shop.example.com:8080/callback?next=%2Faccount%2Forders",
	}[a.IntN(4)]
}

// token is a JSON Web Token.
func (a *author) token() string {
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString([]byte(encode(v))) }
	at := a.moment().Unix()
	return part(object{"alg": "RS256", "typ": "JWT", "kid": a.hex(8)}) + "." +
		part(object{"iss": "https://login.example.com/", "sub": a.uuid(), "aud": "shop", "iat": at, "exp": at + 3600, "email": a.email(), "roles": []string{"customer"}}) + "." +
		base64.RawURLEncoding.EncodeToString(a.bytes(256))
}

type object = map[string]any

// encode writes JSON as browsers do: without escapes for markup.
func encode(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("BUG: " + err.Error()) // strings, numbers, truth values and lists of them
	}
	return strings.TrimSuffix(b.String(), "\n")
}
