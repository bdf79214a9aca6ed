package mask

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// wholeCase is one line of testdata/whole.txt.
type wholeCase struct {
	line                 int
	what, kind, in, want string
}

func wholeCases(tb testing.TB) (cases []wholeCase) {
	tb.Helper()
	f, err := os.Open("testdata/whole.txt")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		first := strings.IndexAny(line, "`\"")
		c := wholeCase{line: n}
		c.what, c.kind, _ = strings.Cut(strings.TrimSpace(line[:first]), " ")
		rest := line[first:]
		for _, field := range []*string{&c.in, &c.want} {
			quoted, err := strconv.QuotedPrefix(rest)
			if err == nil {
				*field, err = strconv.Unquote(quoted)
			}
			if err != nil {
				tb.Fatalf("line %d: %v: %s", n, err, rest)
			}
			rest = strings.TrimSpace(rest[len(quoted):])
		}
		cases = append(cases, c)
	}
	return cases
}

func (c *wholeCase) masked(p *Policy, in string) string {
	switch c.what {
	case "url":
		return p.URL(in)
	case "query":
		return p.Query(in)
	case "header":
		return p.Header(c.kind, in)
	case "line":
		return string(p.Line([]byte(in)))
	}
	return string(p.Body(c.kind, []byte(in), c.what == "cut"))
}

func TestWhole(t *testing.T) {
	for _, c := range wholeCases(t) {
		got := c.masked(nil, c.in)
		if got != c.want {
			t.Errorf("line %d: %s %s %q\n got %q\nwant %q", c.line, c.what, c.kind, c.in, got, c.want)
		} else if again := c.masked(nil, got); again != got && c.what != "cut" {
			t.Errorf("line %d: masked again: %q becomes %q", c.line, got, again)
		}
	}
}

// Text in which nothing is secret is what it was, not a copy of it.
func TestNothingSecretCostsNothing(t *testing.T) {
	policy, err := New(Options{Names: []string{"iban"}, Headers: []string{"X-Customer"}, Email: true, Key: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"user":"jane","list":[1,2,{"a":"b c"}],"note":"it is fine, isn't it? 12 of 13"}`)
	form := []byte("user=jane&note=it+is+fine%21&n=12")
	for _, p := range []*Policy{nil, policy} {
		if n := testing.AllocsPerRun(100, func() {
			p.Value("ARGS:q", "1' OR 1=1 -- select * from users")
			p.Path("/shop/items/12/view", 1024)
			p.URL("/shop/items?page=2&sort=name")
			p.Header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:120.0)")
			p.Header("Accept-Language", "de, en;q=0.5")
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
		if got := p.Body("application/json", body, false); unsafe.SliceData(got) != unsafe.SliceData(body) {
			t.Errorf("JSON in which nothing is secret is copied: %s", got)
		}
		if got := p.Body("application/x-www-form-urlencoded", form, false); unsafe.SliceData(got) != unsafe.SliceData(form) {
			t.Errorf("a form in which nothing is secret is copied: %s", got)
		}
	}
}

func TestPolicy(t *testing.T) {
	p, err := New(Options{
		Names: []string{"iban", "customer number"}, Headers: []string{"X-Tenant"}, Cookies: []string{"PHPSESSID"},
		JSONPaths: []string{"user.email", "$.items[*].price", "**.birthday", "a.*.c"},
		Patterns:  []string{`EMP-\d{6}`, `ref:(\w+)`}, Email: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, in, want string }{
		{"ARGS:iban", "DE1", "[masked 3 bytes]"},
		{"ARGS:my_IBAN2", "DE1", "[masked 3 bytes]"},
		{"ARGS:user[customerNumber]", "12", "[masked 2 bytes]"},
		{"REQUEST_HEADERS:x-tenant", "acme", "[masked 4 bytes]"},
		{"ARGS:phpsessid", "abc", "[masked 3 bytes]"},
		{"ARGS:json.user.email", "a", "[masked 1 bytes]"},
		{"ARGS:json.user.email.0", "a", "[masked 1 bytes]"},
		{"ARGS:json.items.7.price", "9", "[masked 1 bytes]"},
		{"ARGS:json.items.7.name", "x", "x"},
		{"ARGS:json.x.y.birthday", "1", "[masked 1 bytes]"},
		{"ARGS:q", "hello EMP-123456 there", "hello [masked] there"},
		{"ARGS:q", "hello EMP%2D123456 there", "hello [masked] there"},
		{"ARGS:q", "see ref:abc now", "see ref:[masked] now"},
		{"ARGS:q", "write to jane.doe+x@mail.example.com, now", "write to [email], now"},
		{"ARGS:q", "a@b", "a@b"},
		{"ARGS:q", "iban=DE1&x=1", "iban=[masked]&x=1"},
		{"text/plain", "X-Tenant: acme", "X-Tenant: [masked]"},
		{"application/json", `{"user":{"email":"a","x":1},"items":[{"price":9,"q":1}]}`, `{"user":{"email":"[masked 1 bytes]","x":1},"items":[{"price":"[masked 1 bytes]","q":1}]}`},
		{"application/json", `{"x":{"y":{"birthday":"d"}},"a":{"b":{"c":1,"d":2}}}`, `{"x":{"y":{"birthday":"[masked 1 bytes]"}},"a":{"b":{"c":"[masked 1 bytes]","d":2}}}`},
		{"application/x-www-form-urlencoded", "e=jane%40mail.example.com&a=1", "e=[email]&a=1"},
	} {
		got := ""
		if strings.Contains(c.what, "/") {
			got = string(p.Body(c.what, []byte(c.in), false))
		} else {
			got = p.Value(c.what, c.in)
		}
		if got != c.want {
			t.Errorf("%s %q:\n got %q\nwant %q", c.what, c.in, got, c.want)
		}
	}
}

// A key makes equal secrets look equal and different ones different, and keeps what a second pass sees.
func TestKeyedHash(t *testing.T) {
	p, err := New(Options{Key: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	other, err := New(Options{Key: []byte("0123456789abcdeg")})
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := p.Value("ARGS:password", "hunter2"), p.Value("ARGS:pwd", "hunter2"), p.Value("ARGS:password", "hunter3")
	if a != b || a == c || a == other.Value("ARGS:password", "hunter2") {
		t.Errorf("%s %s %s", a, b, c)
	}
	if !strings.HasPrefix(a, "[masked 7 bytes #") || len(a) != len("[masked 7 bytes #]")+hashDigits {
		t.Errorf("%s", a)
	}
	if x, y := p.Text("4111 1111 1111 1111"), p.Text("4111111111111111"); x != y || !strings.HasPrefix(x, "[card #") {
		t.Errorf("%s %s", x, y)
	}
	for _, c := range wholeCases(t) {
		got := c.masked(p, c.in)
		if again := c.masked(p, got); again != got && c.what != "cut" {
			t.Errorf("line %d: masked again: %q becomes %q", c.line, got, again)
		}
	}
	for _, c := range maskCases(t) {
		f := func(s string) string { return p.Value(c.target, s) }
		if c.target == "-" {
			f = p.Text
		}
		got := f(c.value)
		if again := f(got); again != got && len(got) < valueBytes {
			t.Errorf("line %d: masked again: %q becomes %q", c.line, got, again)
		}
		if (got == c.value) != (c.want == c.value) {
			t.Errorf("line %d: with a key %q becomes %q, without %q", c.line, c.value, got, c.want)
		}
	}
}

func TestPolicyProblems(t *testing.T) {
	_, err := New(Options{
		Names: []string{"ok name", "a", ""}, JSONPaths: []string{"*", "a..b", "**.*", strings.Repeat("a.", 20) + "b"},
		Patterns: []string{"(", "a*", "a{2000}"}, Key: []byte("short"),
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"key: 5 bytes can be guessed", "names[1]", "names[2]", "json_paths[0]: names nothing", `json_paths[1]: "a..b" has an empty step`, "json_paths[2]", "json_paths[3]: 21 steps",
		"patterns[0]: error parsing", "patterns[1]: matches the empty text", "patterns[2]",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%s", want, err)
		}
	}
}

// FuzzWhole plants a secret where a name tells so, in whole messages.
func FuzzWhole(f *testing.F) {
	for _, c := range wholeCases(f) {
		f.Add(c.kind, []byte(c.in), c.what == "cut")
	}
	const secret = "Zq7Planted9xW"
	spelled := hiddenJSON(secret)[18:36]
	f.Fuzz(func(t *testing.T, kind string, body []byte, cut bool) {
		if strings.Contains(string(body)+kind, secret) {
			return
		}
		std.Body(kind, body, cut)
		std.URL(string(body))
		std.Header(kind, string(body))
		quoted := quoteJSON(string(body))
		for _, one := range []struct{ kind, body string }{
			{"application/json", `{"a":` + quoted + `,"b":{"password":"` + secret + `"},"c":1}`},
			{"application/json", `{` + quoted + `:{"token":["` + secret + `"]}}`},
			{"application/json", `{"a":` + quoted + `,"name":"password","value":"` + secret + `"}`},
			{"application/json", `{"value":"` + secret + `","a":["x"],"name":"password"}`},
			{"application/json", `{` + quoted + `:"` + hiddenJSON(secret) + `"}`},
			{"application/x-www-form-urlencoded", "q=" + escapePair(string(body)) + "&token=" + secret},
			{"text/plain", string(body) + "\n\ntoken=" + secret},
			{"multipart/form-data; boundary=zz", "--zz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + strings.ReplaceAll(string(body), "--zz", "") + "\r\n--zz\r\nContent-Disposition: form-data; name=\"pin\"\r\n\r\n" + secret + "\r\n--zz--"},
		} {
			if got := string(std.Body(one.kind, []byte(one.body), cut)); strings.Contains(got, secret) || strings.Contains(got, spelled) {
				t.Errorf("%s: secret leaked: %q", one.kind, got)
			}
		}
		if got := std.URL("/?q=" + escapePair(string(body)) + "&token=" + secret); strings.Contains(got, secret) {
			t.Errorf("URL: secret leaked: %q", got)
		}
	})
}
