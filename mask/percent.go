package mask

import "strings"

// decodePercent decodes every valid percent sequence once and leaves the others alone.
func decodePercent(s string) string {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s
	}
	var out []byte
	last := 0
	for ; i+2 < len(s); i++ {
		if s[i] != '%' || !hexDigit(s[i+1]) || !hexDigit(s[i+2]) {
			continue
		}
		out = append(out, s[last:i]...)
		out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
		i += 2
		last = i + 1
	}
	if out == nil {
		return s
	}
	return string(append(out, s[last:]...))
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
