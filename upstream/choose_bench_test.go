package upstream

import (
	"testing"
	"time"

	"github.com/wafer-waf/wafer/upstream/health"
)

// BenchmarkChoice is what an exchange without faults costs more with several endpoints than with one: the choice, the turn and
// the note of how long it has taken, beside the turn that one endpoint has as well.
func BenchmarkChoice(b *testing.B) {
	for name, urls := range map[string][]string{
		"one": {"http://127.0.0.1:1"}, "three": {"http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"},
	} {
		b.Run(name, func(b *testing.B) {
			p, x, out := newPool(b, nil, urls...), newExchange(), get()
			x.Response.Status = 200
			list := p.live()
			b.ReportAllocs()
			for b.Loop() {
				now := time.Now()
				x.tried.Clear()
				i, turn, ok := p.next(now, list, x)
				if !ok {
					b.Fatal("nobody")
				}
				list[i].state.Note(turn, health.OK)
				if len(list) > 1 {
					list[i].timed(now, time.Since(now), out, x, nil)
				}
			}
		})
	}
}
