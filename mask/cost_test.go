package mask

import (
	"strings"
	"testing"
)

// BenchmarkWhole masks bodies that a client has made to be expensive: what a byte costs must not depend on how many
// there are.
func BenchmarkWhole(b *testing.B) {
	for name, unit := range hostile {
		for _, n := range []int{64 << 10, 1 << 20} {
			body := []byte(strings.Repeat(unit, n/len(unit)))
			b.Run(name, func(b *testing.B) {
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					std.Body("text/plain", body, false)
				}
			})
		}
	}
}

// hostile are what such bodies repeat.
var hostile = map[string]string{
	"assign": "a=", "longnames": strings.Repeat("%61", 80) + "=", "eyJ": "eyJ", "digits": "1 ", "elements": "<a>", "gt": ">", "ltgt": "<a>>>>>>>>", "quotes": `"=`, "urls": "a://",
	"parts": "form-data;name=session", "percent": "%2525253d", "basic": "basic+", "basic2": "basic YTpi ", "bearer": "bearer ", "bearer2": "bearer%20", "ghp": "ghp_", "sk": "sk-", "dots": "sk-...", "pem": "-----BEGIN PRIVATE KEY", "pem2": "-----BEGIN X-----",
	"at": "a@", "at2": "@.", "email": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@", "brackets": "[", "braces": `{"a":`, "obj": `{"a":{"b":[`, "keys": "session: ", "spaces": "a    =", "b": "\n--b\r\n", "b2": "\n--b\r\n\r\n", "cookie": "Cookie: a=b;c\n", "amp": "a=b&", "plus": "+%2b", "esc": `\u0061`, "backslash": `\\`, "uuid": "0a1b-", "19": "1234567890123456789", "xmlsess": "</session", "jsonkey": `"token":{`, "commas": `"a":1,`,
	"val": `"val":1,`, "valobj": `{"value":`, "valform": "val=1&", "name": `name=pin,`, "tag": `<a value="1"`, "tag2": `<a value="1">`, "fields": "<name>pin", "U": "U", "V": "-VVVV", "uu": "UUUUUUUUUUUUUUUUUUUU ", "base64": "eyJhIjoxfQ",
	"slash": "/", "reset": "/reset/a1b2c3", "login": "/login/login/a1b2c3d4", "noreset": "a1b2c3d4/",
}
