package transform

// LowerASCII returns s with the ASCII letters in lower case.
func LowerASCII(s string, buf *Buffer) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			d := append(buf.reserve(len(s)), s...)
			for ; i < len(d); i++ {
				if 'A' <= d[i] && d[i] <= 'Z' {
					d[i] |= 0x20
				}
			}
			return buf.keep(d)
		}
	}
	return s
}
