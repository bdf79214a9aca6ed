package mask

import "strings"

// secretParts tell a secret wherever they stand in a name, once case and everything but
// letters and digits are gone: "X-Api-Key", "json.user.apiKey" and "api_key" all hold
// "apikey". They are ordered by their first letter for secretStart.
var secretParts = []string{
	"accesskey", "accountkey", "apikey", "assertion", "authenticat", "authoriz",
	"bearertoken",
	"cardcode", "cardcvc", "cardcvv", "cardexp", "cardholder", "cardno", "cardnum", "ccexp", "ccno", "ccnum",
	"clientkey", "codeverifier", "contrasena", "contraseña", "cookie", "credential", "creditcard",
	"debitcard", "devicecode",
	"encryptionkey",
	"kennwort",
	"masterkey", "motdepasse",
	"passcode", "passphrase", "passw", "pincode", "privatekey", "pwd",
	"samlrequest", "samlresponse", "secret", "securitycode", "senha", "sessid", "session", "sharedkey",
	"signature", "signingkey", "sshkey", "subscriptionkey",
	"token",
	"userpin",
	"wachtwoord",
}

// secretWords tell a secret only as a whole word of a name, because longer words hold
// them by chance: "pin" is in "shipping", "auth" in "author".
var secretWords = map[string]bool{
	"auth": true, "bearer": true, "card": true, "cards": true, "creds": true, "csc": true, "csrf": true, "cvc": true,
	"cvv": true, "hmac": true, "jwt": true, "mdp": true, "mfa": true, "oauth": true, "otp": true,
	"pan": true, "pass": true, "passwd": true, "pin": true, "psw": true, "pw": true,
	"sess": true, "sid": true, "sig": true, "ssn": true, "totp": true,
	"xsrf": true,
}

// harmlessPass are the words on "pass" that name no password; "dbpass" does.
var harmlessPass = map[string]bool{
	"bypass": true, "compass": true, "encompass": true, "overpass": true, "surpass": true,
	"trespass": true, "underpass": true,
}

// secretStart gives the range of secretParts for each first letter.
var secretStart = func() (table [256][]string) {
	for from := 0; from < len(secretParts); {
		to := from
		for to < len(secretParts) && secretParts[to][0] == secretParts[from][0] {
			to++
		}
		table[secretParts[from][0]] = secretParts[from:to]
		from = to
	}
	return table
}()

// sensitive reports whether a name tells that its value is a secret. The name may be
// percent-encoded up to twice, or hold \u escapes as JSON allows.
func sensitive(name string) bool {
	if len(name) > maxScanBytes {
		name = name[len(name)-maxScanBytes:] // the last part of a path says most
	}
	name = plainName(name)
	var buf [96]byte
	flat := buf[:0] // all words, joined
	start := 0      // of the current word in flat
	from := 0       // and in name
	var before byte // the byte before, as it stands in name
	for i := range len(name) {
		c := name[i]
		if boundary(before, c) {
			if secretWord(flat[start:]) && !byChance(name, from, i) {
				return true
			}
			start, from = len(flat), i
		}
		before = c
		if class := wordClass(c); class == upper {
			flat = append(flat, c|0x20)
		} else if class != separator {
			flat = append(flat, c)
		}
	}
	return secretWord(flat[start:]) && !byChance(name, from, len(name)) || secretPart(flat)
}

// leastChance is how long a piece of a name is in which a short word may stand by chance.
const leastChance = 16

// byChance reports whether the word from..to is in the middle of letters and digits that were made by chance.
func byChance(name string, from, to int) bool {
	for from > 0 && wordClass(name[from-1]) != separator {
		from--
	}
	for to < len(name) && wordClass(name[to]) != separator {
		to++
	}
	return to-from >= leastChance && mixed(name[from:to])
}

// plainName undoes the ways in which a name can be written.
func plainName(name string) string {
	for range 2 {
		name = decodePercent(name)
	}
	if strings.Contains(name, `\u`) {
		name = decodeJSON(name)
	}
	return name
}

// flatten appends what is compared of a name: its letters, in lower case, and digits.
func flatten(flat []byte, name string) []byte {
	for i := range len(name) {
		switch c := name[i]; wordClass(c) {
		case upper:
			flat = append(flat, c|0x20)
		case lower, digit:
			flat = append(flat, c)
		}
	}
	return flat
}

// cookieField tells the two header fields whose cookies are masked whatever their names are.
type cookieField int

const (
	notCookie cookieField = iota
	requestCookie
	responseCookie
)

func cookieHeader(name string) cookieField {
	switch {
	case strings.EqualFold(name, "cookie"), strings.EqualFold(name, "cookie2"):
		return requestCookie
	case strings.EqualFold(name, "set-cookie"), strings.EqualFold(name, "set-cookie2"):
		return responseCookie
	}
	return notCookie
}

const (
	separator = iota
	lower
	upper
	digit
)

func wordClass(c byte) int {
	switch {
	case 'a' <= c && c <= 'z', c >= 0x80:
		return lower
	case 'A' <= c && c <= 'Z':
		return upper
	case '0' <= c && c <= '9':
		return digit
	}
	return separator
}

// boundary reports whether a word ends between two bytes: user_pin, userPin, pin2.
func boundary(a, b byte) bool {
	x, y := wordClass(a), wordClass(b)
	return x != y && !(x == upper && y == lower)
}

func secretWord(w []byte) bool {
	if len(w) < 2 || len(w) > 32 {
		return false
	}
	if secretWords[string(w)] {
		return true
	}
	return strings.HasSuffix(string(w), "pass") && !harmlessPass[string(w)]
}

func secretPart(flat []byte) bool {
	for i := range flat {
		for _, part := range secretStart[flat[i]] {
			if len(flat)-i >= len(part) && string(flat[i:i+len(part)]) == part {
				return true
			}
		}
	}
	return false
}

// decodeJSON decodes the \u escapes of ASCII characters; others cannot spell a name above.
func decodeJSON(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if i+5 < len(s) && s[i] == '\\' && s[i+1] == 'u' && s[i+2] == '0' && s[i+3] == '0' &&
			hexDigit(s[i+4]) && hexDigit(s[i+5]) {
			out = append(out, unhex(s[i+4])<<4|unhex(s[i+5]))
			i += 5
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}
