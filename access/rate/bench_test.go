package rate

import (
	"encoding/binary"
	"testing"
	"time"
)

// number is a Source that allocates nothing.
type number uint64

func (n *number) AppendPart(dst []byte, p *Part) ([]byte, bool) {
	return binary.LittleEndian.AppendUint64(dst, uint64(*n)), true
}

func benchSpec() Spec {
	return Spec{ID: "default/by-client", Name: "by-client", Quota: Quota{1_000_000, time.Second, 1000}, Key: byClient, Buckets: hundredThousand}
}

// BenchmarkDecide decides about one request with one limit, of one client and of a hundred thousand in turn.
func BenchmarkDecide(b *testing.B) {
	for name, clients := range map[string]uint64{"clients=1": 1, "clients=100000": hundredThousand} {
		b.Run(name, func(b *testing.B) {
			s := NewState(nil)
			l := s.Limit(benchSpec())
			var a Asked
			ctx, now := b.Context(), time.Now()
			var n number
			b.ReportAllocs()
			for i := uint64(0); b.Loop(); i++ {
				n = number(i % clients * 7919 % clients)
				a.Reset()
				a.Add(l, &n, false)
				a.Decide(ctx, s, now)
			}
		})
	}
}

func BenchmarkDecideParallel(b *testing.B) {
	s, ctx := NewState(nil), b.Context()
	l := s.Limit(benchSpec())
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var a Asked
		var n number
		for now := time.Now(); pb.Next(); {
			n = (n*7919 + 1) % hundredThousand
			a.Reset()
			a.Add(l, &n, false)
			a.Decide(ctx, s, now)
		}
	})
}

func TestDecideAllocatesNothing(t *testing.T) {
	s := NewState(nil)
	l := s.Limit(benchSpec())
	var a Asked
	var n number
	ctx, now := t.Context(), time.Now()
	if got := testing.AllocsPerRun(1000, func() {
		a.Reset()
		a.Add(l, &n, false)
		a.Decide(ctx, s, now)
		a.Done(s, now, &Outcome{Status: 200})
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
