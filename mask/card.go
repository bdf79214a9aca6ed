package mask

import "strings"

// Length of a card number (ISO/IEC 7812-1).
const (
	minCardDigits = 13
	maxCardDigits = 19
)

// card masks the number of a card, with or without separators.
func (c *scanner) card(i int) int {
	s := c.s
	groupEnd := i
	for groupEnd < len(s) && isDigit(s[groupEnd]) {
		groupEnd++
	}
	if groupEnd-i < minCardDigits {
		next := groupEnd + separatorBytes(s[groupEnd:])
		if groupEnd-i < leastFirstGroup || next == groupEnd || next >= len(s) || !isDigit(s[next]) {
			return groupEnd
		}
	}
	if end := cardEnd(s, i); end > 0 && !inDigest(s, i, end) {
		return c.hide(i, end, secretCard)
	}
	return groupEnd
}

// How many digits a group of a number has: 4-4-4-4, 4-6-5, 4-4-4-4-3.
const (
	leastFirstGroup = 4
	leastGroup      = 3
	mostGroup       = 6
)

// cardEnd returns where the longest card number ends that starts at i, or 0.
func cardEnd(s string, i int) int {
	var digits [maxCardDigits]byte
	n, found, groups := 0, 0, 0
	for k := i; ; {
		start := k
		for k < len(s) && isDigit(s[k]) {
			if n == len(digits) {
				n++
				break
			}
			digits[n] = s[k] - '0'
			n++
			k++
		}
		if k-start < leastGroup || n > len(digits) {
			break
		}
		if groups++; groups > 1 && k-start > mostGroup {
			break
		}
		// Grouped digits right after a letter are part of something else.
		if groups > 1 && i > 0 && (wordClass(s[i-1]) == lower || wordClass(s[i-1]) == upper) {
			break
		}
		if cardNumber(digits[:n]) {
			found = k
		}
		if k-start > mostGroup {
			break
		}
		k += separatorBytes(s[k:])
	}
	return found
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// separatorBytes returns the length of the one separator that may stand between digits.
func separatorBytes(s string) int {
	switch {
	case s == "":
		return 0
	case strings.IndexByte(" -+._", s[0]) >= 0:
		return 1
	case strings.HasPrefix(s, "\u00a0"):
		return 2
	case strings.HasPrefix(s, "\u202f"), strings.HasPrefix(s, "\u2010"), strings.HasPrefix(s, "\u2011"), strings.HasPrefix(s, "\u2012"), strings.HasPrefix(s, "\u2013"):
		return 3 // a narrow space that keeps lines together, and dashes
	case strings.HasPrefix(s, "%20"), strings.HasPrefix(s, "%2D"), strings.HasPrefix(s, "%2d"),
		strings.HasPrefix(s, "%2B"), strings.HasPrefix(s, "%2b"):
		return 3
	}
	return 0
}

// cardNumber checks issuer, length and check digit (ISO/IEC 7812-1, annex B).
func cardNumber(digits []byte) bool {
	if len(digits) < minCardDigits || !issued(digits) {
		return false
	}
	sum := 0
	for i, d := range digits {
		v := int(d)
		if (len(digits)-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// issued reports whether payment cards of some issuer begin so, for their length. Times, in whatever unit and as digits of a
// date, do not, nor do most ids: every tenth of them has a valid check digit.
func issued(digits []byte) bool {
	first := int(digits[0])*1000 + int(digits[1])*100 + int(digits[2])*10 + int(digits[3])
	switch major := digits[0]; {
	case major == 4: // Visa
		return len(digits) != 14 && len(digits) != 15
	case major == 5, major == 6: // Mastercard, Maestro, Discover, UnionPay
		return true
	case major == 3: // American Express, Diners Club, JCB
		return len(digits) > 13
	case len(digits) < 16:
		return false
	}
	return 2200 <= first && first <= 2720 || // Mir, Mastercard
		8100 <= first && first <= 8299 || // RuPay
		9700 <= first && first <= 9799 // Troy, Napas
}

// mostDigest bounds the look around digits for what they are part of.
const mostDigest = 64

// inDigest reports whether digits are part of a digest or an id in hexadecimal, such as a UUID.
func inDigest(s string, from, to int) bool {
	part := func(c byte) bool { return hexDigit(c) || c == '-' }
	start, end := from, to
	for start > max(0, from-mostDigest) && part(s[start-1]) {
		start--
	}
	for end < min(len(s), to+mostDigest) && part(s[end]) {
		end++
	}
	digits, letters := 0, 0
	for i := start; i < end; i++ {
		if isDigit(s[i]) {
			digits++
		} else if hexDigit(s[i]) {
			letters++
		}
	}
	const (
		leastLetters = 3
		leastDigest  = 20 // as bundlers of scripts write them
		uuid         = 32
	)
	n := digits + letters
	return letters >= leastLetters && (n >= uuid || n >= leastDigest && n == end-start)
}
