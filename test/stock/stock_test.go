package stock

import (
	"slices"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3"

	"github.com/wafer-waf/wafer/test/corpus"
)

func mustNew(t testing.TB, more ...string) coraza.WAF {
	t.Helper()
	waf, err := New(more...)
	if err != nil {
		t.Fatal(err)
	}
	return waf
}

// TestFalsePositives says of each kind of ordinary request how many the rules refuse. The
// corpus is not there to please them, and they are not there to please it; but it has to be
// known, and no kind may change unnoticed.
func TestFalsePositives(t *testing.T) {
	waf := mustNew(t)
	sample := map[string]int{"json-100KB": 1, "json-10KB": 2, "bulk": 2, "order": 5, "graphql": 60, "thumbnail": 60, "languages": 60}
	want := map[string]int{
		"graphql":   13, // queries with variables
		"languages": 2,  // Hindi, once it is taken apart as if it were percent-encoded
		"thumbnail": 4,  // pictures as data: URLs
	}
	for _, kind := range corpus.Kinds() {
		n := sample[kind]
		if n == 0 {
			n = 20
		}
		requests, err := corpus.Ordinary(kind, n)
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for _, r := range requests {
			v, err := Judge(waf, r)
			if err != nil {
				t.Fatal(err)
			}
			if v.Status == 0 {
				continue
			}
			refused++
			t.Logf("%s %v by %v", kind, v, v.Rules)
		}
		if refused != want[kind] {
			t.Errorf("%s: %d of %d are refused, want %d", kind, refused, n, want[kind])
		}
	}
}

// TestAttacks is about every thirtieth attack; all of them take a while.
func TestAttacks(t *testing.T) {
	waf := mustNew(t)
	attacks, err := corpus.Attacks()
	if err != nil {
		t.Fatal(err)
	}
	asked, refused := 0, 0
	for i := 0; i < len(attacks); i += 30 {
		v, err := Judge(waf, attacks[i])
		if err != nil {
			t.Fatal(err)
		}
		asked++
		if v.Status == 403 {
			refused++
			if len(v.Rules) == 0 {
				t.Errorf("%s: refused, but no rule matched", attacks[i].Source)
			}
		}
	}
	if refused*2 < asked {
		t.Errorf("%d of %d attacks are refused, want half at least: the others are of higher paranoia levels", refused, asked)
	}
}

func TestJudge(t *testing.T) {
	waf := mustNew(t)
	r := corpus.Request{Method: "GET", Target: "/?id=1%27%20UNION%20SELECT%20password%20FROM%20users--%20", Header: []corpus.Field{{Name: "Host", Value: corpus.Host}}}
	v, err := Judge(waf, r)
	if err != nil || v.Status != 403 || !slices.Contains(v.Rules, 942100) {
		t.Errorf("got %v, %v, %v; want 403 and 942100 among the rules", v, v.Rules, err)
	}
}

// BenchmarkJudge is what the rules cost in process, by kind of request; to lay beside the
// benchmarks of waf. SecRxPreFilter is Coraza's own way to spare regular expressions.
func BenchmarkJudge(b *testing.B) {
	for _, filter := range []string{"Off", "On"} {
		waf, name := mustNew(b, "SecRxPreFilter "+filter), "prefilter="+strings.ToLower(filter)
		for _, kind := range []string{"get", "checkout", "order", "bulk"} {
			requests, err := corpus.Ordinary(kind, 20)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(kind+"/"+name, func(b *testing.B) { judge(b, waf, requests) })
		}
		attacks, err := corpus.Attacks()
		if err != nil {
			b.Fatal(err)
		}
		b.Run("attack/"+name, func(b *testing.B) { judge(b, waf, attacks) })
	}
}

func judge(b *testing.B, waf coraza.WAF, requests []corpus.Request) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := Judge(waf, requests[i%len(requests)]); err != nil {
			b.Fatal(err)
		}
		i += 7 // not in the order of the rules
	}
}
