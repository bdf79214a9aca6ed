package transform

import (
	"strings"
	"testing"
)

// own applies one of our own transformations.
func own(name, s string) string {
	t, _ := Lookup(name)
	out, _ := t.Apply(s, new(Buffer))
	return out
}

// What is not GraphQL to the last byte stays as it is, and of what is, strings and comments stay.
func TestWithoutGraphQL(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"query P($id: ID!, $in: [Int!] = [1, -2.5e3]) {\n  p(id: $id, in: $in) { id name }\n}", ""},
		{"mutation { add(input: {note: \"it's $gt\", n: 1}) { id } }", "it's $gt"},
		{`{ user(name: "' or 1=1 -- \u0041", text: """a "b" c""") { ...F @include(if: true) } } # id | cat`, `' or 1=1 -- A a "b" c  id | cat`},
		{"subscription S { s }\nfragment F on T { a: b }", ""},
		{"query{id}", ""},
		{`{"$gt":""}`, `{"$gt":""}`},
		{"{ id; }", "{ id; }"},
		{"{ cat /etc/passwd }", "{ cat /etc/passwd }"},
		{"{ id | cat }", "{ id | cat }"},
		{"query $in { a }", "query $in { a }"},
		{"query { a } }", "query { a } }"},
		{"query { a ", "query { a "},
		{"query { a(b: 1-1) }", "query { a(b: 1-1) }"},
		{"query { a(b: 1x) }", "query { a(b: 1x) }"},
		{"query { a(b: \"x) }", "query { a(b: \"x) }"},
		{"query { a(b] }", "query { a(b] }"},
		{"querying", "querying"},
		{"select 1", "select 1"},
	} {
		if got := own(WithoutGraphQL, tt.text); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Macros go where they stand alone, and nowhere else.
func TestWithoutMacros(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"${GDPR}", ""},
		{"https://x/s?gdpr=${GDPR}&c=${GDPR_CONSENT_123}&p=${AUCTION_PRICE}", "https://x/s?gdpr=&c=&p="},
		{"${gpp_sid},${gpp_string_7}", ","},
		{"w${GDPR}hoami", "w${GDPR}hoami"},
		{"=${GDPR}id", "=${GDPR}id"},
		{"=${GDPR};id", "=${GDPR};id"},
		{"=${IFS}", "=${IFS}"},
		{"${${GDPR}}", "${${GDPR}}"},
		{"=${x=${GDPR}", "=${x="},
		{"${GDPR_CONSENT_1a}", "${GDPR_CONSENT_1a}"},
		{"$", "$"},
		{"${", "${"},
		{strings.Repeat("${", 50) + "}=${GDPR}", strings.Repeat("${", 50) + "}="},
	} {
		if got := own(WithoutMacros, tt.text); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Only a picture is taken for one, and it has nothing besides it.
func TestWithoutPicture(t *testing.T) {
	for _, tt := range []struct {
		text string
		gone bool
	}{
		{"data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==", true},
		{"data:image/jpeg;base64,/9j/4AAQ SkZJ", true},
		{"data:image/gif;base64,R0lGODlhAQABAAAAACw=", true},
		{"data:image/webp;base64,UklGRiQAAABXRUJQ", true},
		{"data:image/png;base64,PD9waHAgc3lzdGVtKCk7", false},
		{"data:image/png;base64,iVBORw0KGgo;id", false},
		{"data:image/png;base64,iVBORw0KGgo\" onload=", false},
		{"data:image/png;base64,iVBORw0KGgo===", false},
		{"data:image/svg+xml;base64,PHN2Zz4=", false},
		{"data:text/html;base64,iVBORw0KGgo", false},
		{"xdata:image/png;base64,iVBORw0KGgo", false},
		{"data:image/png,iVBORw0KGgo", false},
	} {
		if got := own(WithoutPicture, tt.text); (got == "") != tt.gone {
			t.Errorf("%s: %q is left", tt.text, got)
		}
	}
}
