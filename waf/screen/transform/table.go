package transform

// tableOf returns the bytes of a string in the form that is fastest to ask byte by byte.
func tableOf(bytes string) *[256]bool {
	var t [256]bool
	for i := range len(bytes) {
		t[bytes[i]] = true
	}
	return &t
}

// index returns the position of the first byte of s that t holds, or len(s).
func index(s string, t *[256]bool) int {
	for i := 0; i < len(s); i++ {
		if t[s[i]] {
			return i
		}
	}
	return len(s)
}
