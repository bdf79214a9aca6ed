package faults

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/upstream"
)

// manyVariable is how many requests the long form sends.
const manyVariable = "WAFER_TEST_FAULTS_REQUESTS"

func many(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv(manyVariable))
	if err != nil {
		return 5000
	}
	t.Logf("%d requests", n)
	return n
}

// An endpoint closes connections that are idle, at random and just when the next request may come. None of the
// requests is lost, and none that may come once only comes twice.
func TestIdleConnectionsClose(t *testing.T) {
	for name, rude := range map[string]bool{"by an end": false, "by a reset": true} {
		t.Run(name, func(t *testing.T) {
			var seen sync.Map
			e := start(t, &seen)
			e.idle, e.rude = upTo(10*time.Millisecond), rude
			p := newPool(t, nil, e.url())
			methods := []string{"GET", "POST", "PUT", "PATCH"}
			var next, again atomic.Int64
			var failed [4]atomic.Int64
			var wg sync.WaitGroup
			last := int64(many(t))
			for range 8 {
				wg.Go(func() {
					var x upstream.Exchange
					pause := upTo(10 * time.Millisecond)
					for i := next.Add(1); i <= last; i = next.Add(1) {
						m := i % int64(len(methods))
						if err := ask(p, &x, methods[m], fmt.Sprint(methods[m], i)); err != nil {
							failed[m].Add(1)
							t.Log(methods[m], err)
						}
						again.Add(int64(x.Again))
						time.Sleep(pause())
					}
				})
			}
			wg.Wait()
			twice := 0
			seen.Range(func(id, n any) bool {
				if s := id.(string); n.(*atomic.Int32).Load() > 1 && s[0] == 'P' && s[1] != 'U' {
					twice++
				}
				return true
			})
			t.Logf("of %d: sent again %d, failed GET %d POST %d PUT %d PATCH %d", last, again.Load(), failed[0].Load(), failed[1].Load(), failed[2].Load(), failed[3].Load())
			if twice > 0 || failed[0].Load()+failed[2].Load() > 0 {
				t.Errorf("%d twice", twice)
			}
		})
	}
}
