package faults

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkSlowEndpoint reports how long requests take that arrive 500 a second, over sockets and through the tier, while one
// of three endpoints takes 200 ms and the others 20 ms. Of b.N requests it takes some thousand to tell: -benchtime 5000x.
func BenchmarkSlowEndpoint(b *testing.B) {
	for _, balance := range []string{"least_request", "round_robin"} {
		b.Run(balance, func(b *testing.B) {
			w, slow := slowOnes(b, 20*time.Millisecond)
			transport := &http.Transport{MaxIdleConnsPerHost: 100, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, w.Addr)
			}}
			defer transport.CloseIdleConnections()
			c := &http.Client{Transport: transport}
			took := make([]time.Duration, b.N)
			var arrives clock
			var wg sync.WaitGroup
			for i := range b.N {
				arrives.wait()
				wg.Go(func() {
					began := time.Now()
					r, err := c.Get("http://" + name(balance) + ".test/")
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					_ = r.Body.Close()
					took[i] = time.Since(began)
				})
			}
			wg.Wait()
			slices.Sort(took)
			at := func(percent int) float64 { return float64(took[(len(took)-1)*percent/100].Microseconds()) / 1000 }
			b.ReportMetric(at(50), "ms-p50")
			b.ReportMetric(at(99), "ms-p99")
			b.ReportMetric(100*float64(slow.Load())/float64(b.N), "%-slow")
			b.ReportMetric(0, "ns/op")
		})
	}
}
