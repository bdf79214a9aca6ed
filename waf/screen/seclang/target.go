package seclang

import (
	"fmt"
	"regexp"
	"strings"
)

// caseKept are the variables whose keys Coraza takes from a rule as they are written.
var caseKept = map[string]bool{
	"ARGS": true, "ARGS_NAMES": true, "ARGS_GET": true, "ARGS_POST": true, "ARGS_GET_NAMES": true, "ARGS_POST_NAMES": true,
}

// parseTargets appends what text names to targets. A "!" takes keys out of the targets
// before it.
func parseTargets(targets []Target, text string) ([]Target, error) {
	for text != "" {
		var prefix byte
		if text[0] == '!' || text[0] == '&' {
			prefix, text = text[0], text[1:]
		}
		end := strings.IndexAny(text, ":|")
		if end < 0 {
			end = len(text)
		}
		variable := strings.ToUpper(text[:end])
		if strings.Trim(variable, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != "" || variable == "" {
			return nil, fmt.Errorf("target %q is not understood", text)
		}
		text = text[end:]
		var key string
		var rx *regexp.Regexp
		if strings.HasPrefix(text, ":") {
			var err error
			if key, rx, text, err = parseKey(variable, text[1:]); err != nil {
				return nil, err
			}
		}
		if text != "" {
			if text[0] != '|' || len(text) == 1 {
				return nil, fmt.Errorf("target %q is not understood", text)
			}
			text = text[1:]
		}
		if prefix != '!' {
			if !caseKept[variable] {
				key = strings.ToLower(key)
			}
			targets = append(targets, Target{Variable: variable, Key: key, KeyRx: rx, Count: prefix == '&'})
			continue
		}
		for i := range targets {
			if t := &targets[i]; t.Variable == variable {
				// A new slice: rules that were copied must not share it.
				t.Exceptions = append(t.Exceptions[:len(t.Exceptions):len(t.Exceptions)], Exception{Key: strings.ToLower(key), Rx: rx})
			}
		}
	}
	return targets, nil
}

// parseKey reads what selects among a collection: a name, a regular expression between
// slashes, quoted or not, or for XML a path.
func parseKey(variable, text string) (key string, rx *regexp.Regexp, rest string, err error) {
	quoted := strings.HasPrefix(text, "'/")
	if (strings.HasPrefix(text, "/") || quoted) && variable != "XML" && variable != "JSON" {
		if quoted {
			text = text[1:]
		}
		end := 1
		for ; end < len(text) && text[end] != '/'; end++ {
			if text[end] == '\\' {
				end++
			}
		}
		if end >= len(text) {
			return "", nil, "", fmt.Errorf("target key %q has no end", text)
		}
		expr := text[1:end]
		rest = text[end+1:]
		if quoted {
			if !strings.HasPrefix(rest, "'") {
				return "", nil, "", fmt.Errorf("target key %q has no end", text)
			}
			rest = rest[1:]
		}
		if !caseKept[variable] {
			expr = strings.ToLower(expr)
		}
		rx, err = regexp.Compile(expr)
		if err != nil || expr == "" {
			return "", nil, "", fmt.Errorf("target key /%s/ is not understood", expr)
		}
		return "", rx, rest, nil
	}
	key, rest, more := strings.Cut(text, "|")
	if more {
		rest = "|" + rest
	}
	if key == "" || strings.ContainsAny(key, `'`) || variable != "XML" && strings.Contains(key, "/") || strings.HasSuffix(key, "/") {
		return "", nil, "", fmt.Errorf("target key %q is not understood", key)
	}
	return key, nil, rest, nil
}
