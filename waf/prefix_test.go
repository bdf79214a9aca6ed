package waf

import (
	"strings"
	"testing"
)

// An attack in the beginning of a body is found although the body goes on.
func TestPrefixIsInspected(t *testing.T) {
	e := mustEngine(t)
	const attack = `<script>alert(1)</script>`
	pad := strings.Repeat("a", 4096)
	for _, tt := range []struct {
		name, mediaType, body string
		blocks                bool
	}{
		{"json", "application/json", `{"a":"` + attack + `","b":["` + pad, true},
		{"json, broken off in the attack", "application/json", `{"a":["` + attack, true},
		{"json, clean", "application/json", `{"a":"b","c":["` + pad, false},
		{"json, broken itself", "application/json", `{"a":}` + pad, true},
		{"form", "application/x-www-form-urlencoded", "a=" + attack + "&b=" + pad, true},
		{"form, clean", "application/x-www-form-urlencoded", "a=b&c=" + pad, false},
		{"multipart", "multipart/form-data; boundary=xx", "--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + attack + "\r\n--xx\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n" + pad, true},
		{"multipart, clean", "multipart/form-data; boundary=xx", "--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--xx\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n" + pad, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tx := e.Begin(t.Context(), Terms{ID: "id"})
			if v, err := tx.RequestHead(post("/", tt.mediaType, tt.body)); err != nil || v.Blocks() {
				t.Fatal(v, err)
			}
			v, err := tx.RequestBody([]byte(tt.body[:min(len(tt.body), 4096)]), false)
			f, ferr := tx.Finish()
			if err != nil || ferr != nil || v.Blocks() != tt.blocks {
				t.Errorf("verdict %+v, %v, %v; want blocks %v (rules %v)", v, err, ferr, tt.blocks, ids(f))
			}
		})
	}
}
