package transform

import "strings"

// withoutConsent takes out of a value what the protocols of advertising write about consent, where rules
// see something else in it. It is Wafer's own.
//
//   - A value that is a US privacy string, such as 1---, which is a number and a comment to SQL, becomes
//     empty: nothing else fits into its four bytes.
//   - A macro that nobody has replaced, such as ${GDPR}, which is a variable to shells and to PHP, is
//     taken out where it is the whole of a parameter: at the beginning or after one of = : / , and at
//     the end or before one of & , / : So it holds nothing together that would be a word without it.
func withoutConsent(s string, b *Buffer) (string, bool) {
	if isPrivacyString(s) {
		return "", true
	}
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
		end := strings.IndexByte(rest[at:], '}')
		if end < 0 {
			break
		}
		end += at + 1
		alone := (at > 0 && strings.IndexByte("=:/,", rest[at-1]) >= 0 || at == 0 && len(rest) == len(s)) &&
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

// isPrivacyString reports whether s is a US privacy string of version 1: three of Y, N and -.
func isPrivacyString(s string) bool {
	if len(s) != 4 || s[0] != '1' {
		return false
	}
	for i := 1; i < 4; i++ {
		if strings.IndexByte("YNyn-", s[i]) < 0 {
			return false
		}
	}
	return true
}

// isMacro reports whether a name is one of the macros of the Interactive Advertising Bureau's frameworks,
// in capitals or, as rules see it after t:lowercase, not.
func isMacro(name string) bool {
	if len(name) > 32 {
		return false
	}
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
