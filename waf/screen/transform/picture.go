package transform

import "strings"

// withoutPicture leaves nothing of a value that is a picture and nothing else: a URL of scheme
// data in Base64 that begins as a file of its type does. Scripts draw such pictures and send
// them; rules see a scheme that PHP includes and browsers run, and the command base64. It is
// Wafer's own.
func withoutPicture(s string, _ *Buffer) (string, bool) {
	rest, ok := strings.CutPrefix(s, "data:image/")
	if !ok {
		return s, false
	}
	kind, data, ok := strings.Cut(rest, ";base64,")
	start, known := map[string]string{"png": "iVBORw0KGgo", "jpeg": "/9j/", "gif": "R0lGODlh", "webp": "UklGR"}[kind]
	if !ok || !known || !strings.HasPrefix(data, start) {
		return s, false
	}
	data = strings.TrimSuffix(strings.TrimSuffix(data, "="), "=")
	for i := range len(data) {
		if !isBase64(data[i]) {
			return s, false
		}
	}
	return "", true
}

// isBase64 reports whether c is one of Base64's letters, or a space, which forms make of +.
func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == ' '
}
