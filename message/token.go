package message

// tokenByte are the bytes of a token (RFC 9110 5.6.2): of methods and field names.
var tokenByte = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

// IsTokenByte reports whether c may stand in a token.
func IsTokenByte(c byte) bool { return tokenByte[c] }

// IsToken reports whether s is a token: at least one byte, and none that may not stand in one.
func IsToken[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return len(s) > 0
}
