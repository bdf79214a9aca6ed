package seclang

import "regexp"

// Program is a policy's text, read.
type Program struct {
	Rules    []*Rule // those left after all SecRuleRemove…, markers included, in order
	Settings Settings
}

// Settings are the directives that change what rules see. Zero values are Coraza's
// defaults, or unset.
type Settings struct {
	Engine            string // "On", "Off", "DetectionOnly"
	RequestBody       bool
	ResponseBody      bool
	ResponseBodyBytes int // SecResponseBodyLimit
	ResponseMIMETypes []string
}

// Rule is a SecRule with its chain, a SecAction or a SecMarker.
type Rule struct {
	ID     int
	Marker string // of a SecMarker, which has nothing else
	Phase  int    // 1 to 5
	Source string // the file, or what the caller called the text
	Line   int    // where the directive ends, from 1
	Tags   []string
	Msg    string

	Log        bool
	Disruptive Action // "pass", "deny" …
	Skip       string // rules to skip after a match
	SkipAfter  string // marker to go on at after a match
	Links      []Link // the starter first; all must match
}

// Link is one SecRule of a chain.
type Link struct {
	Targets         []Target
	Operator        Operator // without a name: matches always (SecAction)
	Transformations []string // in lower case, after "none" has cleared
	Capture         bool
	MultiMatch      bool
	Actions         []Action // setvar, ctl and whatever else does something on each match
}

// Action is an action and its argument, unquoted.
type Action struct{ Name, Arg string }

// Operator is an operator and its argument.
type Operator struct {
	Name    string // in lower case, without "@"
	Written string // as it is written, for messages
	Arg     string
	Negated bool
	Dir     string // of the file that the rule stands in, for operators that read files
}

// Target is a variable, or some of a collection.
type Target struct {
	Variable   string         // in upper case
	Key        string         // as Coraza compares it; empty: all
	KeyRx      *regexp.Regexp // if set, instead of Key
	Count      bool           // "&": how many there are
	Exceptions []Exception
}

// Exception is a key that a target leaves out.
type Exception struct {
	Key string         // in lower case; empty: every key
	Rx  *regexp.Regexp // if set, instead of Key, matched against the key in lower case
}

// Excepts reports whether an exception takes the key out, given in lower case.
func (t *Target) Excepts(key string) bool {
	for i := range t.Exceptions {
		x := &t.Exceptions[i]
		if x.Rx != nil && x.Rx.MatchString(key) || x.Rx == nil && (x.Key == "" || x.Key == key) {
			return true
		}
	}
	return false
}
