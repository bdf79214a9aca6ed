package transform

// notHex is what hexValue holds for bytes that are not hexadecimal digits. It is the only value
// with the highest bit set, so that digits can be checked together.
const notHex = 0x80

const hexDigits = "0123456789abcdef"

// hexValue is the value of each hexadecimal digit.
var hexValue = hexValues()

func hexValues() (value [256]uint8) {
	for i := range value {
		value[i] = notHex
	}
	for i := range uint8(10) {
		value['0'+i] = i
	}
	for i := range uint8(6) {
		value['a'+i] = 10 + i
		value['A'+i] = 10 + i
	}
	return value
}

// hexByte returns the byte that two hexadecimal digits stand for; ok is false if one is not a
// digit.
func hexByte(high, low byte) (c byte, ok bool) {
	h, l := hexValue[high], hexValue[low]
	return h<<4 | l&0xF, (h|l)&notHex == 0
}

// isOctal reports whether c is an octal digit.
func isOctal(c byte) bool { return c&^7 == '0' }
