package recent

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

const sample = `{"time":"2026-11-30T20:15:00.120Z","level":"info","event":"security","request_id":"0197","route":"shop","policy":"strict",` +
	`"client":"2001:db8::7","method":"POST","host":"Shop.example","path":"/a/b \"c\"","verdict":"block","status":403,"rule_id":949110,` +
	`"score":{"inbound":10},"rules":[{"id":942100,"message":"SQL Injection","target":"ARGS:q","value":"1' OR \"x\\y\" <b>"},{"id":920350}],` +
	`"coverage":"full","message":"security event"}`

func TestFilter(t *testing.T) {
	now := time.Date(2026, 11, 30, 20, 20, 0, 0, time.UTC)
	for query, want := range map[string]bool{
		"":                            true,
		"kind=security":               true,
		"kind=access":                 false,
		"kind=access,security":        true,
		"kind=access&kind=security":   true,
		"route=shop&verdict=block":    true,
		"route=shop&verdict=pass":     false,
		"route=sho":                   false,
		"policy=strict&coverage=full": true,
		"host=Shop.example":           true,
		"host=shop.example":           false,
		"method=POST,GET":             true,
		"request_id=0197":             true,
		"request_id=019":              false,
		"status=403":                  true,
		"status=4xx":                  true,
		"status=5xx":                  false,
		"status=500,400-403":          true,
		"rule=942100":                 true,
		"rule=942000-942999":          true,
		"rule=949110":                 true,
		"rule=920350":                 true,
		"rule=941100":                 false,
		"client=2001:db8::7":          true,
		"client=2001:0db8:0::0007":    true,
		"client=2001:db8::/32":        true,
		"client=192.0.2.0/24":         false,
		"path=/a/b":                   true,
		`path=/a/b "c"`:               true,
		"path=/b":                     false,
		"text=sql injection":          true,
		"text=SQL&text=POST":          true,
		"text=SQL&text=GET":           false,
		`text=1' OR "X\Y" <B>`:        true,
		"text=rules":                  false, // a name, no value
		"text=targe":                  false,
		"text=ARGS:Q":                 true,
		"since=2026-11-30T20:15:00Z":  true,
		"since=2026-11-30T20:15:01Z":  false,
		"since=10m":                   true,
		"since=1m":                    false,
		"until=5m":                    false,
		"until=2026-11-30T21:15:01%2B01:00&since=2026-11-30T21:14:00%2B01:00": true,
	} {
		// A + in a query is a space; what people type is not encoded here.
		q, err := url.ParseQuery(strings.NewReplacer(" ", "%20", `"`, "%22", "<", "%3c", ">", "%3e", `\`, "%5c").Replace(query))
		if err != nil {
			t.Fatal(query, err)
		}
		f, err := ParseFilter(q, now)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		m := f.Matcher()
		if got := m.Match([]byte(sample)); got != want {
			t.Errorf("%s: %v", query, got)
		}
		other := strings.ReplaceAll(strings.ReplaceAll(sample, `":`, `" : `), `,"`, ", \"")
		if got := m.Match([]byte(other)); got != want {
			t.Errorf("%s: with spaces: %v", query, got)
		}
		again, err := ParseFilter(f.Query(), now)
		if err != nil || again.Matcher().Match([]byte(sample)) != want {
			t.Errorf("%s: as a query again, %s: %v", query, f.Query().Encode(), err)
		}
	}
}

func TestFilterProblems(t *testing.T) {
	many := "route=" + strings.Repeat("a,", 40)
	for query, want := range map[string]string{
		"kind=x":                                 "kind: \"x\" is none of security, access, ban",
		"verdict=block,blocked":                  "verdict: \"blocked\" is none of pass, block, redirect, drop, would_block, error_deny, error_allow, refused",
		"coverage=all":                           "coverage: \"all\" is none of full, headers, partial, none",
		"status=abc":                             "status: \"abc\" is neither a status, a class such as 4xx nor a range such as 500-504",
		"status=9xx":                             "status: \"9xx\" is neither",
		"rule=abc":                               "rule: \"abc\" is neither a number nor a range such as 942000-942999",
		"status=9-1":                             "status:",
		"rule=-1":                                "rule:",
		"client=nobody":                          "client: \"nobody\" is neither",
		"client=192.0.2.1:80":                    "client:",
		"since=yesterday":                        "since:",
		"since=-5m":                              "since:",
		"since=1m&until=5m":                      "until: is before since",
		"text=" + strings.Repeat("x", MaxText+1): "text: longer than",
		many:                                     "values: 32 are the most",
		"rule=a&status=b&client=c":               "rule: \"a\"",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseFilter(q, time.Now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", query, err, want)
		}
	}
}

func TestNoObjects(t *testing.T) {
	f := Filter{}
	for _, line := range []string{"", "x", "[]", `"a"`, "12", "\x1b[31m{"} {
		if f.Matcher().Match([]byte(line)) {
			t.Errorf("%q fits", line)
		}
	}
}

// FuzzMatch has filters and lines of anybody do no harm, and a filter means the same when it is written as a query again.
func FuzzMatch(f *testing.F) {
	f.Add("route=shop&text=SQL", sample)
	f.Add("rule=942100&since=10m&client=::/0", `{"rules":[{"id":942100},{"id":[{}]}],"client":"::1"}`)
	f.Fuzz(func(t *testing.T, query, line string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		filter, err := ParseFilter(q, time.Unix(0, 0))
		if err != nil {
			return
		}
		again, err := ParseFilter(filter.Query(), time.Unix(0, 0))
		if err != nil {
			t.Fatalf("%q is %q again: %v", query, filter.Query().Encode(), err)
		}
		if filter.Matcher().Match([]byte(line)) != again.Matcher().Match([]byte(line)) {
			t.Errorf("%q means something else as %q", query, filter.Query().Encode())
		}
	})
}

// FuzzCursor has cursors of anybody do no harm.
func FuzzCursor(f *testing.F) {
	s := NewStore(128 << 10)
	for i := range 100 {
		s.Add(blocked(i))
	}
	f.Add(s.cursor(50))
	f.Add("a-b")
	f.Fuzz(func(t *testing.T, cursor string) {
		_, _ = s.Find(t.Context(), &Filter{}, Including(cursor), 10, time.Minute)
		if n, err := s.Follow(&Filter{}, cursor); err == nil {
			n.look()
			n.Close()
		}
	})
}

// TestDeepLines looks for a text in lines that are nested as deep as they are long, without taking longer for it.
func TestDeepLines(t *testing.T) {
	f, err := ParseFilter(url.Values{"text": {"needle"}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	const deep = 2_000_000
	line := `{"event":"access","request_id":"1","x":` + strings.Repeat("[", deep) + `"%s"` + strings.Repeat("]", deep) + `}`
	for text, want := range map[string]bool{"needle": true, "hay": false} {
		if got := f.Matcher().Match([]byte(strings.Replace(line, "%s", text, 1))); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if f.Matcher().Match([]byte(`{"needle":[{"needle":{"needle":1}}]}`)) {
		t.Error("a name counts")
	}
}
