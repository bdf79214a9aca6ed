package waf

import (
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"net/url"
	"regexp"
	"runtime"
	"runtime/debug"
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
func screenAll(t testing.TB, e *Engine, m *message) bool {
	tx := e.Begin(t.Context(), Terms{ID: "0193a7b2-hostile", Gate: closed{}})
	defer tx.endScreen()
	return passed(tx.RequestHead(m.request)) && passed(tx.RequestBody(m.body, true))
}

// both runs a message through the screen and, where that is not clean, through Coraza.
func both(t testing.TB, e *Engine, m *message) (Findings, []leftOut) {
	tx := e.Begin(t.Context(), Terms{ID: "0193a7b2-hostile"})
	if _, err := tx.RequestHead(m.request); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.RequestBody(m.body, true); err != nil {
		t.Fatal(err)
	}
	left := tx.leftOut
	f, err := tx.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return f, left
}

// corazaAll runs a message through Coraza alone, with all rules.
func corazaAll(t testing.TB, e *Engine, m *message) Findings {
	tx := &Transaction{engine: e, ctx: t.Context(), id: "0193a7b2-hostile", read: newTranscript(e.policy.Reading), request: m.request, body: m.body, whole: true}
	f, err := tx.replay(2)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestHostile sends messages made against the screen, most of which it cannot prove clean. What
// the rules find that it leaves is what all rules find, and it spares Coraza a part of its work
// even then. What both take is BenchmarkHostile's to say.
func TestHostile(t *testing.T) {
	for _, paranoia := range []int{1, 3} {
		e := mustEngine(t, func(p *Policy) { *p = benchPolicy("hostile"); paranoid(p, paranoia) })
		rules, _ := e.screen.Rules()
		for _, h := range hostile {
			t.Run(fmt.Sprintf("pl%d %s", paranoia, h.name), func(t *testing.T) {
				for _, size := range []int{300, 4 << 10} {
					r := rand.New(rand.NewPCG(7, uint64(size)))
					cleans, out := 0, 0
					messages := 9
					if testing.Short() {
						messages = 3
					}
					for range messages {
						m := hostileMessage(h.mediaType, h.make(r, size))
						got, left := both(t, e, m)
						want := corazaAll(t, e, m)
						if got.Verdict != want.Verdict || !slices.Equal(ids(got), ids(want)) {
							t.Errorf("%.200q: %+v %v, Coraza alone %+v %v", m.body, got.Verdict, ids(got), want.Verdict, ids(want))
						}
						if screenAll(t, e, m) {
							cleans++
						}
						for _, rule := range rules {
							if slices.ContainsFunc(left, func(l leftOut) bool { return l.phase == rule.Phase && l.from <= rule.ID && rule.ID <= l.to }) {
								out++
							}
						}
					}
					t.Logf("%6d bytes: clean %d of %d; of %d rules, %d were left out of Coraza's work on average", size, cleans, messages, len(rules), out/messages)
					if cleans < messages && out == 0 {
						t.Error("no rule was left out: Coraza's whole work came on top of the screen's")
					}
				}
			})
		}
	}
}

// BenchmarkHostile is what messages made against the screen take with it, and what they take
// without: the metric "of-coraza" is their share. In detection mode, where Coraza runs all rules;
// a policy that blocks early ends sooner with both.
func BenchmarkHostile(b *testing.B) {
	for _, paranoia := range []int{1, 3} {
		e := mustEngine(b, func(p *Policy) { *p = benchPolicy("hostile"); paranoid(p, paranoia) })
		for _, h := range hostile {
			b.Run(fmt.Sprintf("pl%d/%s", paranoia, strings.ReplaceAll(h.name, " ", "-")), func(b *testing.B) {
				r := rand.New(rand.NewPCG(7, 4<<10))
				var list []*message
				for range 40 { // the matchers learn, once, what all that come later find
					list = append(list, hostileMessage(h.mediaType, h.make(r, 4<<10)))
					screenAll(b, e, list[len(list)-1])
				}
				b.SetBytes(int64(len(list[0].body)))
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					both(b, e, list[i%len(list)])
					i++
				}
				mine := b.Elapsed() / time.Duration(b.N)
				began := time.Now()
				for _, m := range list {
					corazaAll(b, e, m)
				}
				alone := time.Since(began) / time.Duration(len(list))
				b.ReportMetric(float64(mine)/float64(alone), "of-coraza")
			})
		}
	}
}

// TestHostileMemory sends messages made to fill whatever remembers, all different: once it is
// full, many more of them are not held.
func TestHostileMemory(t *testing.T) {
	e := mustEngine(t, func(p *Policy) { *p = benchPolicy("memory"); paranoid(p, 2) })
	r := rand.New(rand.NewPCG(11, 1))
	send := func(n int) (sent int64) {
		for i := range n {
			h := hostile[i%len(hostile)]
			m := hostileMessage(h.mediaType, h.make(r, 600))
			for j := range m.request.Headers { // the cache takes values that come twice
				m.request.Headers[j].Value = fmt.Sprint(m.request.Headers[j].Value, r.Uint64())
				sent += int64(len(m.request.Headers[j].Value))
			}
			sent += int64(len(m.body))
			screenAll(t, e, m)
			screenAll(t, e, m)
		}
		return sent
	}
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // pools are emptied in two steps
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	send(8000) // the caches of 8192 values and the matchers' budget of 16 MiB fill
	before := heap()
	sent := send(16000)
	grown := heap() - before
	t.Logf("%d KiB more after %d KiB of messages", grown>>10, sent>>10)
	if grown > sent/2 {
		t.Errorf("the heap has grown by %d KiB, %d KiB were sent", grown>>10, sent>>10)
	}
}

// TestHostileBuffer screens values of a megabyte that every transformation changes: what the
// screen allocates for it is a small multiple.
func TestHostileBuffer(t *testing.T) {
	e := mustEngine(t, func(p *Policy) { *p = benchPolicy("buffer"); paranoid(p, 3) })
	r := rand.New(rand.NewPCG(13, 1))
	for _, h := range hostile {
		const limit = 1 << 20 // what a policy shows to the rules unless it says otherwise
		body := h.make(r, limit-1000)
		for n := limit; len(body) > limit; { // encoded it is longer
			n = n * 9 / 10
			body = h.make(r, n)
		}
		m := hostileMessage(h.mediaType, body)
		// The collector would take what is lent to the next message, sometimes, and it would be made again.
		percent := debug.SetGCPercent(-1)
		screenAll(t, e, m)
		screenAll(t, e, m) // buffers that are lent grow with the second message still
		const bound = 64 << 20
		n := uint64(math.MaxUint64)
		// A goroutine that is moved to another processor does not find there what it has lent before,
		// and the race detector drops a part of it: the least of a few is what the screen needs.
		for range 8 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			screenAll(t, e, m)
			runtime.ReadMemStats(&after)
			if n = min(n, after.TotalAlloc-before.TotalAlloc); n <= bound {
				break
			}
		}
		debug.SetGCPercent(percent)
		t.Logf("%-30s %4d KiB: %6d KiB allocated", h.name, len(m.body)>>10, n>>10)
		if n > bound {
			t.Errorf("%s: %d MiB allocated for %d KiB", h.name, n>>20, len(m.body)>>10)
		}
	}
}
