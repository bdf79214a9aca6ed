package waf

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/wafer-waf/wafer/test/corpus"
)

// hostile are bodies of n bytes made to cost the screen as much as possible: to hit many
// literals, to be changed by every transformation, to defeat masks, to fill caches and
// matchers.
var hostile = []struct {
	name, mediaType string
	make            func(r *rand.Rand, n int) []byte
}{
	{"phrases", "application/x-www-form-urlencoded", func(r *rand.Rand, n int) []byte {
		return []byte("a=" + url.QueryEscape(upTo(n, func() string { return pick(r, phrases()) + " " })))
	}},
	{"phrases in many values", "application/x-www-form-urlencoded", func(r *rand.Rand, n int) []byte {
		i := 0
		return []byte(upTo(n, func() string { i++; return fmt.Sprintf("k%d=%s&", i, url.QueryEscape(pick(r, phrases()))) }))
	}},
	{"beginnings of phrases", "application/json", func(r *rand.Rand, n int) []byte {
		return fmt.Appendf(nil, "{\"a\":%q}", upTo(n, func() string { p := pick(r, phrases()); return p[:len(p)-1] + "." }))
	}},
	{"words of expressions", "application/json", func(r *rand.Rand, n int) []byte {
		return fmt.Appendf(nil, "{\"a\":%q}", upTo(n, func() string { return pick(r, expressionWords()) + "x" }))
	}},
	{"words of expressions, encoded", "application/x-www-form-urlencoded", func(r *rand.Rand, n int) []byte {
		return []byte("a=" + upTo(n, func() string {
			return pick(r, expressionWords()) + pick(r, []string{"%2578", "%26%23120;", "%5cx78", "%5cu0078", "x", "x"})
		}))
	}},
	{"words in many values", "application/x-www-form-urlencoded", func(r *rand.Rand, n int) []byte {
		i := 0
		return []byte(upTo(n, func() string {
			i++
			return fmt.Sprintf("k%dx=%sx%sx%%ff&", i, pick(r, expressionWords()), pick(r, expressionWords()))
		}))
	}},
	{"encodings in encodings", "application/x-www-form-urlencoded", func(r *rand.Rand, n int) []byte {
		return []byte("a=" + upTo(n, func() string {
			return pick(r, []string{"%2525253c", "%26%23x26;", "%5c%5cx5c", "%5cu0026", "/*%2f*", "*/", "%00", "+", "..%2f", "%ff", "%c3%a9", "&#38;"})
		}))
	}},
	{"alphabet of expressions", "application/x-www-form-urlencoded", func(r *rand.Rand, n int) []byte {
		return []byte("a=" + url.QueryEscape(upTo(n, func() string { return string(pick(r, []byte("abcdeoprstux019 ()[]{}<>'\"`;:,.|$&*/\\=-_+!#%^~@?\n"))) })))
	}},
	{"one byte again and again", "application/x-www-form-urlencoded", func(r *rand.Rand, n int) []byte {
		b := string(pick(r, []byte("('\"<$`{a;")))
		return []byte("a=" + url.QueryEscape(strings.Repeat(b, n/3)))
	}},
	{"random bytes", "application/x-www-form-urlencoded", func(r *rand.Rand, n int) []byte {
		return []byte("a=" + url.QueryEscape(upTo(n/3, func() string { return string([]byte{byte(r.Uint32())}) })))
	}},
	{"letters beyond ASCII", "application/json", func(r *rand.Rand, n int) []byte {
		return fmt.Appendf(nil, "{\"a\":%q}", upTo(n, func() string { return string(rune(0x100 + r.IntN(0x3000))) }))
	}},
	{"values that never come again", "application/x-www-form-urlencoded", func(r *rand.Rand, n int) []byte {
		return []byte(upTo(n, func() string { return fmt.Sprintf("%x=%x&", r.Uint64(), r.Uint64()) }))
	}},
	{"nested JSON", "application/json", func(r *rand.Rand, n int) []byte {
		depth := min(n/8, 500)
		return []byte(strings.Repeat(`{"a":[`, depth) + "1" + strings.Repeat("]}", depth))
	}},
}

func upTo(n int, next func() string) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(next())
	}
	return b.String()
}

// phrases are those of the Core Rule Set's files.
var phrases = sync.OnceValue(func() (list []string) {
	files, _ := fs.Glob(coreruleset.FS, "@owasp_crs/*.data")
	for _, f := range files {
		data, _ := fs.ReadFile(coreruleset.FS, f)
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				list = append(list, line)
			}
		}
	}
	return list
})

// expressionWords are words that stand in its expressions.
var expressionWords = sync.OnceValue(func() (list []string) {
	files, _ := fs.Glob(coreruleset.FS, "@owasp_crs/REQUEST-9*.conf")
	for _, f := range files {
		data, _ := fs.ReadFile(coreruleset.FS, f)
		for line := range strings.Lines(string(data)) {
			if _, expr, ok := strings.Cut(line, `"@rx `); ok {
				list = append(list, letters.FindAllString(expr, -1)...)
			}
		}
	}
	return list
})

var letters = regexp.MustCompile(`[a-z_]{3,}`)

func hostileMessage(mediaType string, body []byte) *message {
	return fromCorpus(&corpus.Request{Method: "POST", Target: "/comments", Body: body, Header: []corpus.Field{
		{Name: "Host", Value: corpus.Host}, {Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64)"}, {Name: "Accept", Value: "*/*"},
		{Name: "Content-Type", Value: mediaType}, {Name: "Content-Length", Value: fmt.Sprint(len(body))},
	}})
}

// screenAll runs a message through the screen alone.
func screenAll(t testing.TB, e *Engine, m *message) (clean bool, took time.Duration) {
	tx := e.Begin(t.Context(), "0193a7b2-hostile")
	begin := time.Now()
	clean = tx.HeadIsClean(m.request) && tx.BodyIsClean(m.body, true)
	took = time.Since(begin)
	tx.endScreen()
	return clean, took
}

// both runs a message through the screen and, where that is not clean, through Coraza.
func both(t testing.TB, e *Engine, m *message) time.Duration {
	tx := e.Begin(t.Context(), "0193a7b2-hostile")
	begin := time.Now()
	if !tx.HeadIsClean(m.request) {
		if _, err := tx.RequestHead(m.request); err != nil {
			t.Fatal(err)
		}
	}
	if !tx.BodyIsClean(m.body, true) {
		if _, err := tx.RequestBody(m.body, true); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(begin)
	if _, err := tx.Finish(); err != nil {
		t.Fatal(err)
	}
	return took
}

func corazaAll(t testing.TB, e *Engine, m *message) time.Duration {
	tx := &Transaction{engine: e, ctx: t.Context(), id: "0193a7b2-hostile", read: newTranscript(e.policy.Reading), request: m.request, body: m.body, whole: true}
	begin := time.Now()
	if _, err := tx.catchUp(2); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	if err := tx.tx.Close(); err != nil {
		t.Fatal(err)
	}
	return took
}

// TestHostileCost bounds what the screen and Coraza, with the rules that are left, take for messages made
// against the screen: in the median at most 1.2 times as long as Coraza alone. In detection mode,
// where Coraza runs all rules; a policy that blocks early ends sooner with both.
func TestHostileCost(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	for _, paranoia := range []int{1, 3} {
		e := mustEngine(t, func(p *Policy) { *p = benchPolicy("hostile"); paranoid(p, paranoia) })
		for _, h := range hostile {
			t.Run(fmt.Sprintf("pl%d %s", paranoia, h.name), func(t *testing.T) {
				for _, size := range []int{300, 4 << 10} {
					r := rand.New(rand.NewPCG(7, uint64(size)))
					var screens, shares []float64
					cleans := 0
					for range 30 { // the matchers learn, once, what all that come later find
						screenAll(t, e, hostileMessage(h.mediaType, h.make(r, size)))
					}
					for range 9 {
						m := hostileMessage(h.mediaType, h.make(r, size))
						clean, mine := screenAll(t, e, m)
						alone := float64(corazaAll(t, e, m))
						screens = append(screens, float64(mine)/alone)
						shares = append(shares, float64(both(t, e, m))/alone)
						if clean {
							cleans++
						}
					}
					slices.Sort(screens)
					slices.Sort(shares)
					share := shares[len(shares)/2]
					t.Logf("%6d bytes: the screen takes %.3f, with Coraza %.3f of what Coraza alone takes; clean %d of %d", size, screens[len(screens)/2], share, cleans, len(shares))
					if share > 1.2 {
						t.Errorf("that is more than 1.2 times as long")
					}
				}
			})
		}
	}
}

// TestHostileMemory sends ten thousand messages made to fill whatever remembers, all different:
// what stays must be bounded.
func TestHostileMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	e := mustEngine(t, func(p *Policy) { *p = benchPolicy("memory"); paranoid(p, 2) })
	r := rand.New(rand.NewPCG(11, 1))
	send := func(n int) {
		for i := range n {
			h := hostile[i%len(hostile)]
			m := hostileMessage(h.mediaType, h.make(r, 600))
			for j := range m.request.Headers { // the cache takes values that come twice
				m.request.Headers[j].Value = fmt.Sprint(m.request.Headers[j].Value, r.Uint64())
			}
			screenAll(t, e, m)
			screenAll(t, e, m)
		}
	}
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	send(1000)
	before := heap()
	send(10000)
	grown := heap() - before
	t.Logf("%d KiB more after 10000 messages", grown>>10)
	// The matchers of a policy may learn 16 MiB, the cache holds 4096 values of at most 512 bytes.
	if grown > 20<<20 {
		t.Errorf("the heap has grown by %d MiB", grown>>20)
	}
}

// TestHostileBuffer screens values of a megabyte that every transformation changes: what the
// screen allocates for it is a small multiple.
func TestHostileBuffer(t *testing.T) {
	e := mustEngine(t, func(p *Policy) { *p = benchPolicy("buffer"); paranoid(p, 3) })
	r := rand.New(rand.NewPCG(13, 1))
	for _, h := range hostile {
		m := hostileMessage(h.mediaType, h.make(r, 1<<20-1000)) // some grow over the limit, and are not looked at
		screenAll(t, e, m)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, took := screenAll(t, e, m)
		runtime.ReadMemStats(&after)
		n := after.TotalAlloc - before.TotalAlloc
		t.Logf("%-30s %4d KiB: %6d KiB allocated, %v", h.name, len(m.body)>>10, n>>10, took)
		if n > 64<<20 {
			t.Errorf("%s: %d MiB allocated for %d KiB", h.name, n>>20, len(m.body)>>10)
		}
	}
}
