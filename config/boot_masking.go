package config

import (
	"errors"

	"github.com/wafer-waf/wafer/mask"
)

// Masking says what is secret beside what is secret anyway, in whatever leaves the process.
type Masking struct {
	Names     []string `mapstructure:"names"`      // parts of names of fields
	Headers   []string `mapstructure:"headers"`    // whole names
	Cookies   []string `mapstructure:"cookies"`    // whole names, wherever they appear
	JSONPaths []string `mapstructure:"json_paths"` // places in JSON
	Email     bool     `mapstructure:"email"`      // addresses of e-mail, too
	KeyFile   string   `mapstructure:"key_file"`   // of keyed hashes in placeholders; empty: none
	Patterns  []string `mapstructure:"patterns"`   // regular expressions
}

// Policy compiles what is secret, with a key for hashes, or none.
func (m *Masking) Policy(key []byte) (*mask.Policy, error) {
	return mask.New(mask.Options{
		Names: m.Names, Headers: m.Headers, Cookies: m.Cookies, JSONPaths: m.JSONPaths, Patterns: m.Patterns,
		Email: m.Email, Key: key,
	})
}

func (l *bootLoader) checkMasking() {
	for i, name := range l.boot.Masking.Headers {
		l.addErr(indexPath("masking.headers", i), checkHeaderName(name))
	}
	_, err := l.boot.Masking.Policy(nil)
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return
	}
	for _, one := range joined.Unwrap() {
		var entry *mask.EntryError
		if !errors.As(one, &entry) {
			continue
		}
		path := "masking." + entry.List
		if entry.Index >= 0 {
			path = indexPath(path, entry.Index)
		}
		l.addErr(path, entry.Err)
	}
}
