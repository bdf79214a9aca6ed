package inject

import (
	"testing"

	libinjection "github.com/corazawaf/libinjection-go"
)

// samples are values as they occur, and for each whether a proof is expected for SQLi and XSS.
var samples = []struct {
	name, value string
	sql, xss    bool
}{
	{"word", "shoes", true, true},
	{"name", "Marie Dupont", true, true},
	{"apostrophe", "Emma O'Brien", true, true},
	{"number", "1042", true, true},
	{"price", "$49.90", true, true},
	{"uuid", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", true, true},
	{"date", "2026-11-24T10:00:00+01:00", true, true},
	{"email", "anna.lee7@mail.example.com", true, true},
	{"base64", "iVBORw0KGgo/fQx+0aB9kP3mZt+7yLw==", true, true},
	{"jwt", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJlX2lzX2hlcmU", true, true},
	{"key", "json.items.0.price", true, true},
	{"path", "/shoes/black-leather-sneakers-4711", true, true},
	{"url", "https://www.example.com/shoes?ref=a1b2c3&page=2", true, true},
	{"agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36", true, true},
	{"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true, true},
	{"languages", "fr-FR,fr;q=0.9,en;q=0.6", true, true},
	{"prose", "It's a bit large, but I like the color. Don't wash it at 60 degrees, and keep it in a dry place!", true, true},
	{"german", "Für große Füße ist der Schuh leider viel zu eng, schade.", true, true},
	{"japanese", "とても良い商品です。また買いたいと思います。", true, true},
	{"json", `{"at":"2026-06-03","marketing":true,"version":4}`, true, true},
	{"markup", "<p>All of the cups were <strong>fine</strong></p>", true, true},
	{"order by", "Order by Thursday", false, true},
	{"attack", "1' OR 1=1 -- x", false, true},
	{"script", "<script>alert(1)</script>", true, false},
}

func TestSamples(t *testing.T) {
	for _, s := range samples {
		checkBoth(t, s.value)
		if got := notSQLi(s.value); got != s.sql {
			t.Errorf("notSQLi(%q) = %t", s.value, got)
		}
		if got := notXSS(s.value); got != s.xss {
			t.Errorf("notXSS(%q) = %t", s.value, got)
		}
		proof := func() { _, _ = notSQLi(s.value), notXSS(s.value) }
		if n := testing.AllocsPerRun(10, proof); n > 0 {
			t.Errorf("%q: %.0f allocations", s.value, n)
		}
	}
}

func BenchmarkSQLi(b *testing.B) {
	for _, s := range samples {
		b.Run(s.name+"/ours", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				SQLi(s.value)
			}
		})
		b.Run(s.name+"/library", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				libinjection.IsSQLi(s.value)
			}
		})
	}
}

func BenchmarkXSS(b *testing.B) {
	for _, s := range samples {
		b.Run(s.name+"/ours", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				XSS(s.value)
			}
		})
		b.Run(s.name+"/library", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				libinjection.IsXSS(s.value)
			}
		})
	}
}
