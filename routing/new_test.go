package routing

import (
	"strings"
	"testing"
)

func TestNewProblems(t *testing.T) {
	hosts := func(hosts ...string) Entry[int] { return Entry[int]{Hosts: hosts} }
	paths := func(paths ...Path) Entry[int] { return Entry[int]{Paths: paths} }
	methods := func(methods ...string) Entry[int] { return Entry[int]{Methods: methods} }
	headers := func(headers ...Header) Entry[int] { return Entry[int]{Headers: headers} }
	tests := map[string]struct {
		entry Entry[int]
		want  string // what follows `route "r": `
	}{
		"host empty":           {hosts(""), `hosts[0]: "": no host name: leave hosts out to match any host`},
		"host asterisk":        {hosts("a.example", "*"), `hosts[1]: "*": no host name: leave hosts out to match any host`},
		"host URL":             {hosts("http://a.example"), `hosts[0]: "http://a.example": a "/" in a host: write the name alone, without scheme and path`},
		"host space":           {hosts("a b.example"), `hosts[0]: "a b.example": a host name holds only letters, digits, "-", "_" and "."`},
		"host empty label":     {hosts("a..example"), `hosts[0]: "a..example": a label between dots is empty: it takes 1 to 63 bytes`},
		"host port name":       {hosts("a.example:http"), `hosts[0]: "a.example:http": the port is not a number of up to 5 digits`},
		"host IPv6":            {hosts("[::g]"), `hosts[0]: "[::g]": not an IPv6 address without zone, like "[2001:db8::1]"`},
		"wildcard inside":      {hosts("a.*.example"), `hosts[0]: "a.*.example": "*" stands only for whole labels at the start, as in "*.shop.example"`},
		"wildcard partial":     {hosts("*a.example"), `hosts[0]: "*a.example": "*" stands only for whole labels at the start, as in "*.shop.example"`},
		"wildcard alone":       {hosts("*."), `hosts[0]: "*.": the host name is empty`},
		"wildcard IPv6":        {hosts("*.[::1]"), `hosts[0]: "*.[::1]": an IPv6 address has no labels: write it without "*."`},
		"path without slash":   {paths(Path{PathPrefix, "a//b"}), `paths[0]: prefix "a//b" does not start with "/": write "/a/b"`},
		"path empty":           {paths(Path{}), `paths[0]: exact "" does not start with "/": write "/"`},
		"path escaped":         {paths(Path{PathExact, "/a%20b"}), `paths[0]: exact "/a%20b" is compared with paths that are decoded, resolved and without query: write "/a b"`},
		"path with query":      {paths(Path{PathExact, "/a?b"}), `paths[0]: exact "/a?b" is compared with paths that are decoded, resolved and without query: write "/a"`},
		"path with dots":       {paths(Path{PathPrefix, "/a/../b"}), `paths[0]: prefix "/a/../b" is compared with paths that are decoded, resolved and without query: write "/b"`},
		"path kind":            {paths(Path{7, "/a"}), `paths[0]: kind 7 is none of exact, prefix and regex`},
		"regex empty":          {paths(Path{PathRegex, ""}), `paths[0]: regex is empty: write a pattern`},
		"regex syntax":         {paths(Path{PathRegex, "/a)|(/b"}), "paths[0]: regex \"/a)|(/b\": error parsing regexp: unexpected ): `/a)|(/b`"},
		"regex quoting":        {paths(Path{PathRegex, `/a\Qb`}), "paths[0]: regex \"/a\\\\Qb\": close \\Q with \\E: error parsing regexp: missing closing ): `\\A(?s:/a\\Qb)\\z`"},
		"regex without slash":  {paths(Path{PathRegex, "^api/.*"}), `paths[0]: regex "^api/.*" never matches: it starts with "api/", and paths start with "/"`},
		"method token":         {methods("GET", "A B"), `methods[1]: "A B" is no method: write a token (RFC 9110, section 5.6.2) like "GET"`},
		"method empty":         {methods(""), `methods[0]: "" is no method: write a token (RFC 9110, section 5.6.2) like "GET"`},
		"method case":          {methods("get"), `methods[0]: "get": methods are compared with case, write "GET"`},
		"header name":          {headers(Header{Name: "x env"}), `headers[0]: "x env" is no field name: write a token (RFC 9110, section 5.6.2) like "X-Env"`},
		"header value padded":  {headers(Header{"x", HeaderExact, " a"}), `headers[0]: field "x": value " a" has spaces around it, which no request has: write "a"`},
		"header regex":         {headers(Header{"x", HeaderRegex, "("}), "headers[0]: field \"x\": regex \"(\": error parsing regexp: missing closing ): `(`"},
		"header present value": {headers(Header{"x", HeaderPresent, "a"}), `headers[0]: field "x": present takes no value, but there is "a": leave it out or use exact`},
		"header kind":          {headers(Header{"x", 7, "a"}), `headers[0]: field "x": kind 7 is none of exact, regex and present`},
		"header name outside":  {headers(Header{Name: "\u00fc"}), `headers[0]: "ü" is no field name: write a token (RFC 9110, section 5.6.2) like "X-Env"`},
		"host outside ASCII":   {hosts("\u00fc_.example"), `hosts[0]: "ü_.example": no valid internationalized domain name (UTS #46)`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.entry.ID = "r"
			table, err := New([]Entry[int]{test.entry})
			if err == nil || table != nil {
				t.Fatalf("got a table, want %s", test.want)
			}
			if got := err.Error(); got != `route "r": `+test.want {
				t.Errorf("got  %s\nwant route \"r\": %s", got, test.want)
			}
		})
	}
}

func TestNewReportsAllProblems(t *testing.T) {
	_, err := New([]Entry[int]{
		{ID: "a", Hosts: []string{"*", "a b"}, Methods: []string{"get"}},
		{ID: ""},
		{ID: "a", Paths: []Path{{PathExact, "x"}}},
		{ID: "b", Methods: []string{"PUT"}},
		{ID: "c", Methods: []string{"PUT"}},
	})
	want := []string{
		`route "a": hosts[0]: `,
		`route "a": hosts[1]: `,
		`route "a": methods[0]: `,
		`route "": id is empty: name entry 1`,
		`route "a": id of entry 2 is that of entry 0 too: rename one`,
		`route "a": paths[0]: `,
		`route "c" can never match: route "b" before it has the same hosts, paths, methods and headers`,
	}
	if err == nil {
		t.Fatal("got a table")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("got %d problems, want %d:\n%v", len(lines), len(want), err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("got %s, want %s", lines[i], want[i])
		}
	}
}

// TestNewSameConditions has pairs of entries that are written differently.
func TestNewSameConditions(t *testing.T) {
	tests := map[string]struct {
		a, b Entry[int]
		same bool
	}{
		"no conditions":   {Entry[int]{}, Entry[int]{}, true},
		"host spelling":   {Entry[int]{Hosts: []string{"a.example", "B.example:80"}}, Entry[int]{Hosts: []string{"b.example.", "A.example", "a.example"}}, true},
		"host subset":     {Entry[int]{Hosts: []string{"a.example", "b.example"}}, Entry[int]{Hosts: []string{"a.example"}}, false},
		"host wildcard":   {Entry[int]{Hosts: []string{"*.example"}}, Entry[int]{Hosts: []string{"example"}}, false},
		"no path":         {Entry[int]{}, Entry[int]{Paths: []Path{{PathPrefix, "/"}}}, true},
		"prefix slash":    {Entry[int]{Paths: []Path{{PathPrefix, "/a/"}}}, Entry[int]{Paths: []Path{{PathPrefix, "/a"}}}, true},
		"exact slash":     {Entry[int]{Paths: []Path{{PathExact, "/a/"}}}, Entry[int]{Paths: []Path{{PathExact, "/a"}}}, false},
		"path kind":       {Entry[int]{Paths: []Path{{PathExact, "/a"}}}, Entry[int]{Paths: []Path{{PathPrefix, "/a"}}}, false},
		"method order":    {Entry[int]{Methods: []string{"GET", "PUT"}}, Entry[int]{Methods: []string{"PUT", "GET", "GET"}}, true},
		"method":          {Entry[int]{Methods: []string{"GET"}}, Entry[int]{Methods: []string{"PUT"}}, false},
		"header spelling": {Entry[int]{Headers: []Header{{"X-A", HeaderExact, "1"}}}, Entry[int]{Headers: []Header{{"x-a", HeaderExact, "1"}}}, true},
		"header value":    {Entry[int]{Headers: []Header{{"X-A", HeaderExact, "1"}}}, Entry[int]{Headers: []Header{{"X-A", HeaderExact, "2"}}}, false},
		"header kind":     {Entry[int]{Headers: []Header{{"X-A", HeaderExact, "1"}}}, Entry[int]{Headers: []Header{{"X-A", HeaderRegex, "1"}}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.a.ID, test.b.ID = "a", "b"
			_, err := New([]Entry[int]{test.a, test.b})
			want := `route "b" can never match: route "a" before it has the same hosts, paths, methods and headers`
			if test.same && (err == nil || err.Error() != want) {
				t.Errorf("got %v, want %s", err, want)
			}
			if !test.same && err != nil {
				t.Errorf("got %v, want a table", err)
			}
		})
	}
}
