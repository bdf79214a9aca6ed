package rate

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Template is the form of paths: /users/{id}/orders. A name in braces stands for one segment, {name...} at the end for all
// that follow.
type Template struct {
	Text     string
	segments []string // "" stands for any
	rest     bool     // the last stands for all that follow
}

// ParseTemplate reads a template.
func ParseTemplate(text string) (Template, error) {
	t := Template{Text: text}
	if !strings.HasPrefix(text, "/") {
		return t, errors.New("does not begin with /")
	}
	if strings.ContainsAny(text, "?#%") {
		return t, errors.New("is a path as it is compared: without query, and without escapes")
	}
	segments := strings.Split(text[1:], "/")
	for i, s := range segments {
		if name, ok := braced(s); ok {
			name, rest := strings.CutSuffix(name, "...")
			if name == "" || strings.ContainsAny(name, "{}.") {
				return t, fmt.Errorf("%q names no segment: write {id}", s)
			}
			if t.rest = rest; rest && i < len(segments)-1 {
				return t, fmt.Errorf("%q stands for all that follows: only the last can", s)
			}
			s = ""
		} else if strings.ContainsAny(s, "{}") {
			return t, fmt.Errorf("%q: braces hold a whole segment", s)
		} else if s == "" && i < len(segments)-1 {
			return t, errors.New("has an empty segment")
		} else if s == "" && i > 0 {
			return t, errors.New("ends in /: both spellings are meant without it")
		} else if s == "" {
			continue // the root
		}
		t.segments = append(t.segments, s)
	}
	return t, nil
}

func braced(s string) (string, bool) {
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return "", false
	}
	return s[1 : len(s)-1], true
}

// Matches reports whether a path has this form, as it is compared. A slash at its end does not matter.
func (t *Template) Matches(path []byte) bool {
	slash := []byte("/")
	path = bytes.TrimSuffix(bytes.TrimPrefix(path, slash), slash)
	for i, want := range t.segments {
		if len(path) == 0 {
			return false
		}
		if t.rest && i == len(t.segments)-1 {
			return true
		}
		segment, rest, _ := bytes.Cut(path, slash)
		if want != "" && want != string(segment) {
			return false
		}
		path = rest
	}
	return len(path) == 0
}
