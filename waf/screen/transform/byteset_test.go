package transform

import "testing"

func TestBytesOf(t *testing.T) {
	for first := range 256 {
		for second := range 256 {
			set := BytesOf(string([]byte{byte(first), byte(second)}))
			for c := range 256 {
				if set.Has(byte(c)) != (c == first || c == second) {
					t.Fatalf("the set of bytes %d and %d is wrong about %d", first, second, c)
				}
			}
		}
	}
}

func TestByteSetOperations(t *testing.T) {
	letters, digits := bytesFrom('a', 'z'), bytesFrom('0', '9')
	both := letters.Union(digits)
	rest := both.complement()
	for c := range 256 {
		c := byte(c)
		isLetter, isDigit := 'a' <= c && c <= 'z', '0' <= c && c <= '9'
		if both.Has(c) != (isLetter || isDigit) || rest.Has(c) == both.Has(c) || both.table()[c] != both.Has(c) {
			t.Errorf("byte %d is in %v, out of %v", c, both, rest)
		}
	}
	if letters.Intersects(&digits) || !both.Intersects(&digits) || both.Intersects(&rest) {
		t.Error("Intersects is wrong")
	}
}
