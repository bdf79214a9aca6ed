package faults

import (
	"fmt"
	"os"
	"strconv"
	"strings"
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
		return 2000
	}
	t.Logf("%d requests", n)
	return n
}

// clients is how many ask at a time.
const clients = 8

// An endpoint closes connections that are idle, at random and just when the next request may come. None that may come twice
// is lost, none that may not does. Of those a few may be lost before it is known what the endpoint does: at most one
// of each client's, and with the long form no more.
func TestIdleConnectionsClose(t *testing.T) {
	for name, rude := range map[string]bool{"by an end": false, "by a reset": true} {
		t.Run(name, func(t *testing.T) {
			var seen sync.Map
			e := start(t, &endpoint{seen: &seen, idle: upTo(10 * time.Millisecond), rude: rude})
			p := newPool(t, nil, e.url())
			methods := []string{"GET", "PUT", "POST", "PATCH"}
			lost := make([]atomic.Int64, len(methods))
			var next, again atomic.Int64
			var wg sync.WaitGroup
			last := int64(many(t))
			for range clients {
				wg.Go(func() {
					var x upstream.Exchange
					pause := upTo(10 * time.Millisecond)
					for i := next.Add(1); i <= last; i = next.Add(1) {
						m := i % int64(len(methods))
						if err := ask(p, &x, methods[m], fmt.Sprint(methods[m], i)); err != nil {
							lost[m].Add(1)
						}
						again.Add(int64(x.Again))
						time.Sleep(pause()) // so that connections are idle for as long as they live
					}
				})
			}
			wg.Wait()
			t.Logf("of %d requests %d were sent again; lost: GET %d, PUT %d, POST %d, PATCH %d", last, again.Load(),
				lost[0].Load(), lost[1].Load(), lost[2].Load(), lost[3].Load())
			if lost[0].Load()+lost[1].Load() > 0 || lost[2].Load()+lost[3].Load() > clients {
				t.Error("too many")
			}
			seen.Range(func(id, n any) bool {
				if once := strings.HasPrefix(id.(string), "POST") || strings.HasPrefix(id.(string), "PATCH"); once && n.(*atomic.Int32).Load() > 1 {
					t.Errorf("%s came %d times", id, n.(*atomic.Int32).Load())
				}
				return true
			})
		})
	}
}
