package mask

import (
	"bufio"
	"encoding/base64"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// std is what is secret without an operator.
var std *Policy

type maskCase struct {
	line                int
	target, value, want string
}

// maskCases reads testdata/mask.txt.
func maskCases(tb testing.TB) []maskCase {
	tb.Helper()
	f, err := os.Open("testdata/mask.txt")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var cases []maskCase
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		c := maskCase{line: n}
		var rest string
		c.target, rest, _ = strings.Cut(line, " ")
		for _, field := range []*string{&c.value, &c.want} {
			rest = strings.TrimSpace(rest)
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				tb.Fatalf("line %d: %v: %s", n, err, rest)
			}
			rest = rest[len(quoted):]
			if *field, err = strconv.Unquote(quoted); err != nil {
				tb.Fatalf("line %d: %v", n, err)
			}
		}
		if rest != "" {
			tb.Fatalf("line %d: text after the last field: %s", n, rest)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return cases
}

func TestMask(t *testing.T) {
	cases := maskCases(t)
	if len(cases) < 100 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		f := func(s string) string { return std.Value(c.target, s) }
		if c.target == "-" {
			f = std.Text
		}
		if got := f(c.value); got != c.want {
			t.Errorf("line %d: %s %q\n got %q\nwant %q", c.line, c.target, c.value, got, c.want)
		} else if again := f(got); again != got {
			t.Errorf("line %d: masked again: %q becomes %q", c.line, got, again)
		}
	}
}

func TestMaskCuts(t *testing.T) {
	f := func(name, value, want string) {
		t.Helper()
		if got := std.Value("ARGS:q", value); got != want {
			t.Errorf("%s:\n got %q (%d bytes)\nwant %q", name, got, len(got), want)
		}
	}
	a200 := strings.Repeat("a", 200)
	f("fits", a200, a200)
	f("one more", a200+"a", a200+"…")
	f("rune across the limit", a200[:199]+"éx", a200[:199]+"…")
	f("four bytes across the limit", a200[:197]+"😀x", a200[:197]+"…")
	f("much more", strings.Repeat("a", 1<<20), a200+"…")
	f("secret across the limit", a200[:190]+"&token=abcdefghijk", a200[:190]+"&token=[ma…")
	f("card across the limit", a200[:190]+" 4111 1111 1111 1111", a200[:190]+" [card]")
	f("long secret", "token="+strings.Repeat("x", 1<<20), "token=[masked]…")
	f("long secret, then text", "token="+strings.Repeat("x", 4000)+"&q="+a200, "token=[masked]&q="+a200[:183]+"…")
	f("not UTF-8", strings.Repeat("\xff", 300), "\uFFFD…")
	f("encoded, long", "%7B%22token%22:%22"+strings.Repeat("%61", 5000), "%7B%22token%22:[masked]…")
	// A card number that the bound of the scan would halve is not shown at all.
	secrets := strings.Repeat("&token="+strings.Repeat("x", 4000), 2) + "&n="
	if got := std.Value("ARGS:q", secrets+strings.Repeat(" ", maxScanBytes-len(secrets)-8)+"4111111111111111"); strings.Contains(got, "4111") {
		t.Errorf("half a card number: %q", got)
	}
}

// hiddenJSON is a document in Base64.
func hiddenJSON(secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(`{"password":"` + secret + `"}`))
}

// FuzzMask plants a secret where a name tells so, and checks what no input may break.
func FuzzMask(f *testing.F) {
	for _, c := range maskCases(f) {
		f.Add(c.target, c.value, uint8(c.line))
	}
	names := []string{
		"ARGS:password", "ARGS:pass%77ord", "ARGS:json.user.apiKey", "ARGS_GET:TOKEN", "REQUEST_COOKIES:x",
		"REQUEST_HEADERS:Authorization", "REQUEST_HEADERS:x-api-key", "REQUEST_COOKIES:session", "ARGS:card_number",
	}
	carriers := []func(before, secret string) string{
		func(b, s string) string { return b + "&password=" + s + "&x=1" },
		func(b, s string) string { return b + "\n{\"a\":1,\"apiKey\":\"" + s + "\",\"b\":2}" },
		func(b, s string) string { return b + "\nAuthorization: " + s + "\r\nAccept: */*" },
		func(b, s string) string { return b + "<secret>" + s + "</secret>" },
		func(b, s string) string { return b + "\nCookie: a=1; b=" + s + "\r\n" },
		func(b, s string) string { return b + "&%70assword=" + s },
		func(b, s string) string { return b + "\n<name>password</name><value>" + s + "</value>" },
		func(b, s string) string { return b + " " + hiddenJSON(s) },
	}
	const secret = "Zq7Planted9xW"
	spelled := hiddenJSON(secret)[18:36]
	f.Fuzz(func(t *testing.T, target, value string, pick uint8) {
		check := func(got string, limit int) {
			t.Helper()
			if !utf8.ValidString(got) {
				t.Errorf("not UTF-8: %q", got)
			}
			if len(got) > limit+len(Ellipsis) {
				t.Errorf("%d bytes: %q", len(got), got)
			}
			if strings.Contains(got, secret) || strings.Contains(got, spelled) {
				t.Errorf("secret leaked: %q", got)
			}
		}
		if strings.Contains(value+target, secret) {
			return
		}
		check(std.Value(target, value), valueBytes)
		check(std.Text(value), textBytes)
		check(std.Value(names[int(pick)%len(names)], value+secret), valueBytes)
		carried := carriers[int(pick)%len(carriers)](value, secret)
		check(std.Value("REQUEST_BODY", carried), valueBytes)
		check(std.Text(carried), textBytes)
	})
}

func BenchmarkMask(b *testing.B) {
	f := func(name, target, value string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				std.Value(target, value)
			}
		})
	}
	f("plain", "ARGS:q", "1' OR 1=1 -- select * from users")
	f("name", "ARGS:json.user.password", "hunter2")
	f("query", "QUERY_STRING", "user=jane&password=hunter2&x=1")
	// What an attacker can make expensive.
	f("assignments", "ARGS:q", strings.Repeat("a=", 4096))
	f("long names", "ARGS:q", "%"+strings.Repeat(strings.Repeat("%61", 80)+"=", 40))
	f("half tokens", "ARGS:q", strings.Repeat("eyJ", 3000))
	f("digits", "ARGS:q", "%20"+strings.Repeat("1 ", 4096))
	f("elements", "ARGS:q", "%20"+strings.Repeat("<a>", 3000))
	f("quotes", "ARGS:q", "%20"+strings.Repeat(`"=`, 4096))
	f("urls", "ARGS:q", "%20"+strings.Repeat("a://", 2048))
	f("parts", "ARGS:q", "%20"+strings.Repeat("form-data;name=session", 400))
	f("percent", "ARGS:q", strings.Repeat("%2525253d", 1000))
}

func TestMessageShowsNoSecretOfItsTarget(t *testing.T) {
	for _, c := range []struct{ target, value, message, want string }{
		{"ARGS:api_key", "0123456789abcdef", "found 0123456789abcdef twice: 0123456789abcdef", "found [masked 16 bytes] twice: [masked 16 bytes]"},
		{"REQUEST_HEADERS:X-Api-Key", "plain", "found plain", "found [masked 5 bytes]"},
		{"ARGS:q", "word", "found word", "found word"},
		{"ARGS:api_key", "", "found", "found"},
	} {
		if got := std.Message(c.target, c.value, "", c.message); got != c.want {
			t.Errorf("%s: %q, want %q", c.target, got, c.want)
		}
	}
}
