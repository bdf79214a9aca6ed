package mask

import "testing"

// What stands around a value tells whether it is a secret, where its target does not.
func TestFound(t *testing.T) {
	const attack = `hunter2' or 1=1`
	for _, c := range []struct{ target, value, around, want string }{
		{"XML:/*", attack, `<login><user>jane</user><password>` + attack + `</password></login>`, "[masked 15 bytes]"},
		{"XML:/*", attack, `<login><user>` + attack + `</user><password>x</password></login>`, attack},
		{"XML:/*", attack, `<p><name>password</name><value>` + attack + `</value></p>`, "[masked 15 bytes]"},
		{"XML:/*", attack, `<credentials><a><b>` + attack + `</b></a></credentials>`, "[masked 15 bytes]"},
		{"XML:/*", "pay 4111 1111 1111 1111", `<a>pay 4111 1111 1111 1111</a>`, "pay [card]"},
		{"XML:/*", attack, "", "[masked 15 bytes]"},
		{"XML://@*", attack, `<a b="` + attack + `" token="x"/>`, attack},
		{"XML://@*", attack, `<a token="` + attack + `"/>`, "[masked 15 bytes]"},
		{"MATCHED_VARS:REQUEST_XML:/*", attack, `<secret>` + attack + `</secret>`, "[masked 15 bytes]"},
		{"ARGS:query", attack, `mutation{login(password:"` + attack + `"){id}}`, "[masked 15 bytes]"},
		{"ARGS:query", attack, `query{find(text:"` + attack + `"){id}}`, attack},
		{"ARGS:json.0.value", attack, `[{"name":"password","value":"` + attack + `"}]`, "[masked 15 bytes]"},
		{"ARGS:json.0.value", attack, `[{"name":"size","value":"` + attack + `"}]`, attack},
		{"ARGS:json.note", "my password: x", `{"note":"my password: x","n":1}`, "my password: [masked]"},
		{"ARGS:XML:password", attack, `{"XML:password":"` + attack + `"}`, "[masked 15 bytes]"},
		{"ARGS:q", attack, `q=` + attack + `&password=x`, attack},
	} {
		if got := std.Found(c.target, c.value, c.around); got != c.want {
			t.Errorf("%s %q in %q: %q, want %q", c.target, c.value, c.around, got, c.want)
		}
	}
}
