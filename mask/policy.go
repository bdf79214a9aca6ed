package mask

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Options add to what is secret anyway.
type Options struct {
	// Names of fields: a name that holds one of them, compared as the known ones are, tells a secret.
	Names []string
	// Headers and cookies by their whole names. A cookie's value is secret anyway, and its name tells nothing in a
	// query or a form unless it stands here.
	Headers, Cookies []string
	// JSONPaths are places in JSON: user.email, items[*].iban, $.payments.*.account, **.birthday.
	JSONPaths []string
	// Patterns are regular expressions (RE2). What they match is masked, or their first group if they have one.
	Patterns []string
	// Email masks addresses of e-mail.
	Email bool
	// Key makes placeholders carry a keyed hash of what they replace; empty: none.
	Key []byte
}

// Bounds of a policy.
const (
	maxEntries      = 256
	minNameBytes    = 3
	maxEntryBytes   = 256
	maxPatterns     = 32
	maxPatternBytes = 1024
	minKeyBytes     = 16
)

// Policy is what is secret. A nil one knows what is always secret.
type Policy struct {
	names    []string        // flat, as secretParts
	exact    map[string]bool // flat whole names: of headers, cookies, and of the last step of paths in JSON
	paths    [][]step
	patterns []*regexp.Regexp
	email    bool
	key      []byte
}

// New compiles options. The error names every entry that is none.
func New(o Options) (*Policy, error) {
	p := &Policy{exact: map[string]bool{}, email: o.Email, key: o.Key}
	var problems []error
	if len(o.Key) > 0 && len(o.Key) < minKeyBytes {
		problems = append(problems, fmt.Errorf("key: %d bytes can be guessed: at least %d", len(o.Key), minKeyBytes))
	}
	for _, list := range []struct {
		key     string
		entries []string
		check   func(string) error
		most    int
	}{
		{"names", o.Names, p.addName, maxEntries},
		{"headers", o.Headers, p.addExact, maxEntries},
		{"cookies", o.Cookies, p.addExact, maxEntries},
		{"json_paths", o.JSONPaths, p.addPath, maxEntries},
		{"patterns", o.Patterns, p.addPattern, maxPatterns},
	} {
		if len(list.entries) > list.most {
			problems = append(problems, &EntryError{list.key, -1, fmt.Errorf("%d are too many: at most %d", len(list.entries), list.most)})
			continue
		}
		for i, entry := range list.entries {
			if err := list.check(entry); err != nil {
				problems = append(problems, &EntryError{list.key, i, err})
			}
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return p, nil
}

// EntryError says which entry of [Options] is none.
type EntryError struct {
	List  string // json_paths
	Index int    // -1: the list
	Err   error
}

func (e *EntryError) Error() string {
	if e.Index < 0 {
		return e.List + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s[%d]: %s", e.List, e.Index, e.Err)
}

func (e *EntryError) Unwrap() error { return e.Err }

func (p *Policy) addName(name string) error {
	flat, err := flatEntry(name)
	if err == nil {
		p.names = append(p.names, flat)
	}
	return err
}

func (p *Policy) addExact(name string) error {
	flat, err := flatEntry(name)
	if err == nil {
		p.exact[flat] = true
	}
	return err
}

// flatEntry is a name as names are compared: without case and separators.
func flatEntry(name string) (string, error) {
	if len(name) > maxEntryBytes {
		return "", fmt.Errorf("%d bytes are too many: at most %d", len(name), maxEntryBytes)
	}
	flat := string(flatten(nil, name))
	if len(flat) < minNameBytes {
		return "", fmt.Errorf("%q has fewer than %d letters and digits: too many names would hold it", name, minNameBytes)
	}
	return flat, nil
}

func (p *Policy) addPattern(text string) error {
	if len(text) > maxPatternBytes {
		return fmt.Errorf("%d bytes are too many: at most %d", len(text), maxPatternBytes)
	}
	re, err := regexp.Compile(text)
	switch {
	case err != nil:
		return err
	case re.MatchString(""):
		return errors.New("matches the empty text, and so everywhere")
	}
	p.patterns = append(p.patterns, re)
	return nil
}

// Names reports whether the values of fields, cookies and parameters of that name are never told.
func (p *Policy) Names(name string) bool { return p.sensitive(name) }

// sensitive reports whether a name tells that its value is a secret.
func (p *Policy) sensitive(name string) bool {
	if sensitive(name) {
		return true
	}
	if p == nil || len(p.names)+len(p.exact) == 0 {
		return false
	}
	if len(name) > maxScanBytes {
		name = name[len(name)-maxScanBytes:]
	}
	var buf [96]byte
	flat := flatten(buf[:0], plainName(name))
	if p.exact[string(flat)] {
		return true
	}
	for _, one := range p.names {
		if strings.Contains(string(flat), one) {
			return true
		}
	}
	return false
}

// sift masks what the operator's patterns match.
func (p *Policy) sift(s string, style textKind) string {
	if p == nil {
		return s
	}
	for _, re := range p.patterns {
		if found := re.FindAllStringSubmatchIndex(s, -1); found != nil {
			s = p.replace(s, found, style)
		}
	}
	return s
}

// replace masks the first group of each match, or all of it where there is no group.
func (p *Policy) replace(s string, found [][]int, style textKind) string {
	out := make([]byte, 0, len(s))
	last := 0
	for _, m := range found {
		from, to := m[0], m[1]
		if len(m) > 2 {
			from, to = m[2], m[3]
		}
		if from < last || from >= to {
			continue // the group took no part
		}
		out = append(append(out, s[last:from]...), p.hide(secretValue, s[from:to], style)...)
		last = to
	}
	return string(append(out, s[last:]...))
}
