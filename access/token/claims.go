package token

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// lookup returns a claim by its name or, if no claim has that name, by a path of names with dots between them:
// "realm_access.roles". Names have dots, too, so that the longest one comes first.
func lookup(claims map[string]any, path string) (any, bool) {
	if v, ok := claims[path]; ok {
		return v, true
	}
	for i := strings.LastIndexByte(path, '.'); i > 0; i = strings.LastIndexByte(path[:i], '.') {
		if inner, ok := claims[path[:i]].(map[string]any); ok {
			if v, ok := lookup(inner, path[i+1:]); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// texts returns what a claim says as texts: a list has several, an object none. What OAuth calls scope is one text
// of words (RFC 8693 4.2), and several here.
func texts(path string, v any) []string {
	switch v := v.(type) {
	case string:
		if path == "scope" || path == "scp" {
			return strings.Fields(v)
		}
		return []string{v}
	case json.Number:
		return []string{v.String()}
	case bool:
		return []string{strconv.FormatBool(v)}
	case []any:
		var all []string
		for _, item := range v {
			switch item.(type) {
			case string, json.Number, bool:
				all = append(all, texts("", item)...)
			}
		}
		return all
	}
	return nil
}

// latest is the last time that is taken, far enough from where times overflow: in the year 9999.
const latest = 253_402_300_799

// date reads a claim that is a time (RFC 7519 2, NumericDate). It reports false for anything else.
func date(v any) (time.Time, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	f, err := n.Float64()
	if err != nil || math.IsNaN(f) || f < 0 || f > latest {
		return time.Time{}, false
	}
	whole, part := math.Modf(f)
	return time.Unix(int64(whole), int64(part*1e9)), true
}

// meant reports whether a token is for one of the audiences.
func meant(claims map[string]any, audiences []string) bool {
	if len(audiences) == 1 && audiences[0] == AnyAudience {
		return true
	}
	switch v := claims["aud"].(type) {
	case string:
		return contains(audiences, v)
	case []any:
		for _, item := range v {
			if s, ok := item.(string); ok && contains(audiences, s) {
				return true
			}
		}
	}
	return false
}

// AnyAudience stands for all audiences, and for none.
const AnyAudience = "*"

// passable reports whether texts can be a field's value, and be told apart in it.
func passable(all []string) bool {
	for _, s := range all {
		for i := 0; i < len(s); i++ {
			if c := s[i]; c < ' ' && c != '\t' || c == 0x7f || c == ',' && len(all) > 1 {
				return false
			}
		}
	}
	return true
}
