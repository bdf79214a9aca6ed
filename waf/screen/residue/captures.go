package residue

import (
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/kept"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// leftBy reports whether what a macro reads of captures and of matched values was left by the
// given links, the last ones that matched, and not by other rules.
func leftBy(links []Link, m Macro) bool {
	ok := true
	m.reads(func(key string) { ok = ok && (!IsCapture(key) || captured(links, key)) })
	return ok && (!readsMatched(m) || matchedBy(links))
}

// captured reports whether a match of the links is sure to set the capture.
func captured(links []Link, key string) bool {
	return matchedBy(links) && slices.ContainsFunc(links, func(l Link) bool { return l.Capture && int(key[0]-'0') < l.Operator.Groups() })
}

// matchedBy reports whether there are links and what they match is known.
func matchedBy(links []Link) bool {
	return len(links) > 0 && !slices.ContainsFunc(links, func(l Link) bool { return l.Opaque() || l.Always })
}

func readsMatched(m Macro) bool {
	return slices.ContainsFunc(m.Parts, func(p Part) bool { return strings.HasPrefix(p.Variable, "MATCHED_VAR") })
}

func readsCaptures(actions []seclang.Action) bool {
	found := false
	for _, a := range actions {
		if a.Name == "setvar" || kept.IsAct(a.Name) {
			ParseMacro(a.Arg).reads(func(key string) { found = found || IsCapture(key) })
		}
	}
	return found
}

// captureRead reports whether a link behind link i reads what it captures.
func (f *folder) captureRead(r *seclang.Rule, i int) bool {
	found := false
	for _, l := range r.Links[i+1:] {
		for _, t := range l.Targets {
			found = found || t.Variable == "TX" && IsCapture(t.Key)
		}
		ParseMacro(l.Operator.Arg).reads(func(key string) { found = found || IsCapture(key) })
		found = found || readsCaptures(l.Actions)
	}
	return found
}
