package admin

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/access/file"
)

// tokenPrefix begins every token, so that scanners for leaked secrets can find one.
const tokenPrefix = "wafer_"

// Bounds of a file of tokens.
const (
	maxTokenFile = 1 << 20
	maxTokenName = 64
)

// Token is one line of a file of tokens: whose it is, what it lets do and until when. The file holds a
// hash of the token itself.
type Token struct {
	Name  string
	Role  Role
	Until time.Time // zero: for ever

	hash [sha256.Size]byte
}

// NewToken makes a token, which only its owner keeps, and the line by which a file knows it.
func NewToken(name string, role Role, until time.Time) (token, line string, err error) {
	if err := checkTokenName(name); err != nil {
		return "", "", err
	}
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return "", "", err
	}
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(token))
	line = name + " " + role.String() + " sha256:" + hex.EncodeToString(hash[:])
	if !until.IsZero() {
		line += " until " + until.UTC().Format(time.RFC3339)
	}
	return token, line, nil
}

// ParseTokens reads the text of a file: one token a line, as [NewToken] writes it, empty lines and
// comments behind # beside them. The error names every line that is wrong.
func ParseTokens(text []byte) ([]Token, error) {
	var all []Token
	var problems []error
	named := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		t, err := parseToken(fields)
		if first, again := named[t.Name]; err == nil && again {
			err = fmt.Errorf("%q is the name in line %d too: give each its own", t.Name, first)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		named[t.Name] = n
		all = append(all, t)
	}
	if err := lines.Err(); err != nil {
		problems = append(problems, err)
	}
	return all, errors.Join(problems...)
}

func parseToken(fields []string) (t Token, err error) {
	if len(fields) != 3 && (len(fields) != 5 || fields[3] != "until") {
		return t, errors.New(`write NAME ROLE sha256:HEX, as wafer admin-token prints it behind "line:", and "until TIME" behind that if the token ends`)
	}
	if err := checkTokenName(fields[0]); err != nil {
		return t, err
	}
	t.Name = fields[0]
	if t.Role, err = ParseRole(fields[1]); err != nil {
		return t, err
	}
	digits, ok := strings.CutPrefix(fields[2], "sha256:")
	if sum, err := hex.DecodeString(digits); ok && err == nil && len(sum) == len(t.hash) {
		copy(t.hash[:], sum)
	} else if strings.HasPrefix(fields[2], tokenPrefix) {
		return t, errors.New("a token stands where its hash should: anybody who has read this file has it; make another one")
	} else {
		return t, errors.New("no hash: write sha256: and 64 digits, as wafer admin-token prints them")
	}
	if len(fields) == 5 {
		if t.Until, err = time.Parse(time.RFC3339, fields[4]); err != nil {
			return t, fmt.Errorf("until %q is no time: write it like 2027-01-31T00:00:00Z", fields[4])
		}
	}
	return t, nil
}

func checkTokenName(name string) error {
	bad := func(c rune) bool {
		return c != '-' && c != '_' && c != '.' && c != '@' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}
	if name == "" || len(name) > maxTokenName || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("name %s: use 1 to %d letters, digits and -_.@", quoted(name), maxTokenName)
	}
	return nil
}

// tokenLook is how long a file of tokens is believed to be what it was.
const tokenLook = time.Second

// Tokens are those of a file. It is read again when it changes; what cannot be read changes nothing.
type Tokens struct {
	path   string
	broken func(error)

	mu     sync.Mutex
	looked time.Time
	text   []byte
	all    []Token
	why    string // they are not what the file holds now
}

// OpenTokens reads a file. Broken is told later, once, why it cannot be read any more; nil: nobody asks.
func OpenTokens(path string, broken func(error)) (*Tokens, error) {
	t := &Tokens{path: path, broken: broken}
	text, err := t.read()
	if err != nil {
		return nil, err
	}
	if t.all, err = ParseTokens(text); err != nil {
		return nil, fmt.Errorf("%s: %s", path, strings.ReplaceAll(err.Error(), "\n", "\n"+path+": "))
	}
	t.text, t.looked = text, time.Now()
	return t, nil
}

func (t *Tokens) read() ([]byte, error) {
	return file.Whole(t.path, maxTokenFile)
}

// find returns the token that somebody has shown. All hashes are compared, so that the time it takes
// tells nothing.
func (t *Tokens) find(shown string, now time.Time) (found Token, ok bool) {
	hash := sha256.Sum256([]byte(shown))
	for _, one := range t.now(now) {
		if subtle.ConstantTimeCompare(one.hash[:], hash[:]) == 1 && (one.Until.IsZero() || now.Before(one.Until)) {
			found, ok = one, true
		}
	}
	return found, ok
}

// now returns the tokens, read again if the file may have changed.
func (t *Tokens) now(now time.Time) []Token {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.looked) < tokenLook {
		return t.all
	}
	t.looked = now
	text, err := t.read()
	if err == nil && bytes.Equal(text, t.text) {
		return t.all
	}
	var all []Token
	if err == nil {
		if all, err = ParseTokens(text); err != nil {
			err = fmt.Errorf("%s: %w", t.path, err)
		}
	}
	switch {
	case err == nil:
		t.text, t.all, t.why = text, all, ""
	case err.Error() != t.why:
		if t.why = err.Error(); t.broken != nil {
			t.broken(err)
		}
	}
	return t.all
}
