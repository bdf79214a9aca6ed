package residue

import (
	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// Target is a target of a link.
type Target struct {
	seclang.Target
	Kinds        []reading.Kind
	Source       Source
	ConstantKeys []string // of TX, by a regular expression: the keys of constants that it matches
	Kept         Name     // a variable of a collection
}

// Name is the name of a variable of a collection.
type Name struct {
	Kind kept.Kind
	Name string
}

// Source says where a target's values come from.
type Source uint8

// The sources.
const (
	FromRequest  Source = iota // kinds
	FromTX                     // what rules set
	FromCaptures               // TX:0 to TX:9
	FromMatched                // MATCHED_VAR: the value that satisfied the link before
	FromMatchedName
	FromAllMatched // MATCHED_VARS: those that satisfied the links before
	FromAllMatchedNames
	FromKept    // a variable of a collection
	FromAction  // of a SecAction: one that is always there, and nothing
	FromNowhere // not understood: taken for a value that satisfies the link
)

// Selects reports whether the target takes the value.
func (t *Target) Selects(v *reading.Value) bool {
	if t.Key == "" && t.KeyRx == nil && len(t.Exceptions) == 0 || v.Kind.Single() && len(t.Exceptions) == 0 {
		return true
	}
	if t.KeyRx != nil {
		if !t.KeyRx.MatchString(reading.Lower(v.Key)) {
			return false
		}
	} else if !v.Kind.Selects(t.Key, v.Key) {
		return false
	}
	return len(t.Exceptions) == 0 || !t.Excepts(reading.Lower(v.Key))
}
