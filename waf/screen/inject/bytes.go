package inject

// What a byte begins, and what it ends: the library's byteParsers and accept tables.
const (
	kindPunctuation = iota
	kindWhite
	kindDigit // a dot too
	kindWord
	kindQuote
	kindMask = 7

	endsWord     = 8
	endsVariable = 16
)

// lexicalOf has what each byte begins and ends.
var lexicalOf = classify()

func classify() (of [256]byte) {
	for c := range of {
		switch {
		case c <= ' ' || c == 0x7f || c == 0xa0:
			of[c] = kindWhite
		case isDigit(byte(c)) || c == '.':
			of[c] = kindDigit
		case isLetter(byte(c)) || c == '_' || c >= 0x80:
			of[c] = kindWord
		case c == '\'' || c == '"':
			of[c] = kindQuote
		}
	}
	for _, c := range []byte(" []{}<>:\\?=@!#~+-*/&|^%(),';\t\n\v\f\r\"\xa0\x00") {
		of[c] |= endsWord
	}
	for _, c := range []byte(" <>:\\?=@!#~+-*/&|^%(),';\t\n\v\f\r'`\"") {
		of[c] |= endsVariable
	}
	return of
}

func isDigit(c byte) bool  { return c-'0' <= 9 }
func isLetter(c byte) bool { return (c|0x20)-'a' < 26 }
func isHex(c byte) bool    { return isDigit(c) || (c|0x20)-'a' < 6 }

// isWhite is what the library takes for white behind a number and a --, which is less than what
// it skips.
func isWhite(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r' || c == 0xa0 || c == 0
}
