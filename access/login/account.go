package login

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxAccounts is how many names of accounts one request may have: readings of one field, mostly.
const maxAccounts = 16

// maxName is how many bytes of a name are looked at. Longer ones are told apart by their beginnings alone.
const maxName = 1 << 10

// Fold returns the name that stands for all spellings of an account that applications, or their databases, may take
// for one: without regard to case, width, accents, white space and what cannot be seen.
func Fold(name string) string {
	name = strings.ToValidUTF8(name[:min(len(name), maxName)], "")
	if plain(name) {
		return name
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.M, r), unicode.Is(unicode.C, r):
		case r == 'ß', r == 'ẞ':
			b.WriteString("ss")
		default:
			b.WriteRune(unicode.ToLower(unicode.ToUpper(r))) // two letters of one capital are one
		}
	}
	return norm.NFKD.String(b.String())
}

// plain reports whether a name is its own fold.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// Field is where a body says the account.
type Field struct {
	form string   // as a form names it
	json string   // as readings name it in JSON
	last string   // and, in a long text, its last name alone
	also []string // beginnings of what is within it
	path string   // its names with dots between them
}

// FormField is a field of a form.
func FormField(name string) Field { return field(name, name) }

// JSONField is a value of a JSON document, at a path of names with dots between them.
func JSONField(path string) Field {
	names := strings.Split(path, ".")
	form := names[0]
	for _, name := range names[1:] {
		form += "[" + name + "]"
	}
	return field(form, path)
}

func field(form, path string) Field {
	f := Field{path: plainPath(path), form: form, json: "json." + path, last: "json." + path[strings.LastIndexByte(path, '.')+1:]}
	f.also = []string{form + "[", f.json + "."}
	return f
}

// Selects reports whether a value with this key, as readings name it, says the account. An application may take a form
// where another takes JSON, and a list for its only item.
func (f *Field) Selects(key string) bool {
	if strings.EqualFold(key, f.form) || strings.EqualFold(key, f.json) || strings.EqualFold(key, f.last) {
		return true
	}
	for _, s := range f.also {
		if len(key) > len(s) && strings.EqualFold(key[:len(s)], s) {
			return true
		}
	}
	path := plainPath(key)
	return strings.EqualFold(path, f.path) || len(path) > len(f.path) && path[len(f.path)] == '.' && strings.EqualFold(path[:len(f.path)], f.path)
}

// plainPath is the name of a value however it is written: json.0.user.name, user[0][name] and user.name are user.name.
// Lists say nothing, for some applications take one for its only item.
func plainPath(key string) string {
	if !strings.ContainsAny(key, ".[") {
		return key
	}
	if len(key) > len("json.") && strings.EqualFold(key[:len("json.")], "json.") {
		key = key[len("json."):]
	}
	names := strings.FieldsFunc(key, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	return strings.Join(slices.DeleteFunc(names, func(name string) bool { return strings.Trim(name, "0123456789") == "" }), ".")
}

// key names a bucket. Nobody can tell from it what it is about.
type key [16]byte

// hashed is the account's keyed hash.
func hashed(secret []byte, account string) key {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(Fold(account)))
	var sum [sha256.Size]byte
	return key(m.Sum(sum[:0])[:len(key{})])
}

// Kinds of buckets.
const (
	ofAddress = iota
	ofAccount
	ofBoth
)

// bucket is the key of a bucket of a policy.
func bucket(id string, kind byte, account key, address netip.Addr) key {
	a := address.As16()
	h := sha256.New()
	h.Write([]byte("wafer login\x00" + id + "\x00"))
	h.Write([]byte{kind})
	h.Write(account[:])
	h.Write(a[:])
	var sum [sha256.Size]byte
	return key(h.Sum(sum[:0])[:len(key{})])
}
