package waf

import (
	"strings"
	"testing"
)

// TestMultipartEvasions sends forms in which an attack stands where some parser reads it and others do not:
// as they are written, and with the line ends of files.
func TestMultipartEvasions(t *testing.T) {
	const (
		attack = "1' UNION SELECT password FROM users -- "
		field  = "--XX\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n" + attack + "\r\n"
		good   = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n"
	)
	e := mustEngine(t)
	for _, test := range []struct{ name, body string }{
		{"plain", field + "--XX--\r\n"},
		{"end first", "--XX--\r\n" + field + "--XX--\r\n"},
		{"end in the middle", good + "--XX--\r\n" + field + "--XX--\r\n"},
		{"file to some", strings.Replace(field, "\"q\"", "\"q\"; filename*=utf-8''a.txt", 1) + "--XX--\r\n"},
		{"preamble", "q=1\r\n" + field + "--XX--\r\n"},
		{"in Base64", "--XX\r\nContent-Disposition: form-data; name=\"q\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			"MScgVU5JT04gU0VMRUNUIHBhc3N3b3JkIEZST00gdXNlcnMgLS0g\r\n--XX--\r\n"},
		{"many fields", strings.Repeat("--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n", 20000) + "--XX--\r\n"},
	} {
		for _, body := range []string{test.body, strings.ReplaceAll(test.body, "\r\n", "\n")} {
			v, f := run(t, e, post("/", "multipart/form-data; boundary=XX", body), body)
			if !v.Blocks() {
				t.Errorf("%s passes: %v", test.name, ids(f))
			}
			if test.name == "many fields" && v.Status != 400 {
				t.Errorf("%s: status %d", test.name, v.Status)
			}
		}
	}
	body := good + "--XX--\r\n"
	if v, f := run(t, e, post("/", "multipart/form-data; boundary=XX", body), body); v.Blocks() {
		t.Errorf("a form is blocked by %v", ids(f))
	}
}
