package transform

import "strings"

// macroBytes bounds how far the end of a macro is looked for.
const macroBytes = 40

// withoutMacros takes macros out of a value which advertisers' protocols know and nobody has
// replaced, such as ${GDPR}: to shells and to PHP they are variables. It does so only where
// the macro is the whole of a parameter: at the beginning or after one of = : / , and at the
// end or before one of & , / : So it holds nothing together that would be a word without it.
// It is Wafer's own.
func withoutMacros(s string, b *Buffer) (string, bool) {
	from := strings.Index(s, "${")
	if from < 0 {
		return s, false
	}
	d, rest, changed := b.reserve(len(s)), s, false
	for {
		at := strings.Index(rest, "${")
		if at < 0 {
			break
		}
		end := at + 1 + strings.IndexByte(rest[at:min(len(rest), at+macroBytes)], '}')
		alone := end > at && (at > 0 && strings.IndexByte("=:/,", rest[at-1]) >= 0 || at == 0 && len(rest) == len(s)) &&
			(end == len(rest) || strings.IndexByte("&,/:", rest[end]) >= 0)
		if alone && isMacro(rest[at+2:end-1]) {
			d, changed = append(d, rest[:at]...), true
		} else {
			end = at + 2 // what looks like one may stand in it
			d = append(d, rest[:end]...)
		}
		rest = rest[end:]
	}
	if !changed {
		return s, false
	}
	return b.keep(append(d, rest...)), true
}

// isMacro reports whether a name is one of the macros of the Interactive Advertising Bureau's
// frameworks, in capitals or, as rules see it after t:lowercase, not.
func isMacro(name string) bool {
	name = strings.ToUpper(name)
	for _, list := range []string{"GDPR_CONSENT_", "GPP_STRING_", "ADDTL_CONSENT_"} {
		if number, ok := strings.CutPrefix(name, list); ok {
			return number != "" && strings.Trim(number, "0123456789") == ""
		}
	}
	switch name {
	case "GDPR", "GDPR_CONSENT", "US_PRIVACY", "GPP", "GPP_SID", "GPP_STRING", "ADDTL_CONSENT", "USER_CONSENT",
		"AUCTION_ID", "AUCTION_BID_ID", "AUCTION_IMP_ID", "AUCTION_SEAT_ID", "AUCTION_AD_ID", "AUCTION_PRICE",
		"AUCTION_CURRENCY", "AUCTION_MBR", "AUCTION_LOSS", "AUCTION_MIN_TO_WIN":
		return true
	}
	return false
}
