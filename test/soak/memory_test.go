package soak

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// uploads is how many request bodies arrive at once, half of them from clients that stop in the middle.
const uploads = 1000

// uploadBodies are harmless bodies of every kind that is read in its own way.
func uploadBodies(n int) (media, bodies []string) {
	add := func(m, before, of, after string) {
		media, bodies = append(media, m), append(bodies, before+strings.Repeat(of, n/len(of))+after)
	}
	add("application/x-www-form-urlencoded", "a=b", "&c=apples+and+pears", "")
	add("application/x-www-form-urlencoded", "text=", "apples%20and%20pears+", "")
	add("application/json", `{"a":[1`, `,{"name":"apples and pears","number":17}`, "]}")
	add("application/json", `{"text":"`, `apples and \"pears\"\n`, `"}`)
	add("application/xml", "<?xml version=\"1.0\"?>\n<a>", `<b c="apples">and pears</b>`, "</a>")
	add("text/plain", "", "apples and pears\n", "")
	add("multipart/form-data; boundary=xx", "--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n", "apples and pears\n", "\r\n--xx--\r\n")
	add("multipart/form-data; boundary=xx", "--xx\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.txt\"\r\n"+
		"Content-Type: text/plain\r\n\r\n", "apples and pears\n", "\r\n--xx--\r\n")
	add("application/octet-stream", "", "\x01\x02\xff\xfeapples", "")
	return media, bodies
}

// TestMemoryIsBounded has a tier with little memory for bodies get a thousand uploads at once. It never holds
// more than that, serves what needs none of it, answers everybody, and holds nothing in the end.
func TestMemoryIsBounded(t *testing.T) {
	const budget = 16 << 20
	size := 200 << 10
	if soaking() {
		size = 1000 << 10
	}
	back := newBackend(t)
	w := tier.Plain(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: r, hosts: [h.test], policy: p, upstreams: [{ id: u }] }
upstreams: [{ id: u, endpoints: ["%s"] }]
policies: [{ id: p, mode: detect }]
`, back.url())), "--limit-memory=16MiB", "--limit-inspections=3", "--timeout-body=8s")
	media, bodies := uploadBodies(size)
	head := func(i int) string {
		return fmt.Sprintf("POST /upload HTTP/1.1\r\nHost: h.test\r\nUser-Agent: w\r\nAccept: */*\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			media[i], len(bodies[i]))
	}
	var served, refused, ended atomic.Int64
	upload := func(i int, sent string) {
		c, err := dial(w.Addr)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_ = c.send(head(i) + sent) // the tier may have answered and closed before it has all
		a, err := c.answer("POST")
		switch {
		case err != nil:
			ended.Add(1) // with a reset, if the answer came while the client was still sending
		case a.StatusCode == 200:
			served.Add(1)
		case a.StatusCode == 503 || a.StatusCode == 408:
			refused.Add(1)
		default:
			t.Errorf("%s: status %d", media[i], a.StatusCode)
		}
	}

	used := func() (sum float64) {
		for _, part := range []string{"uploads", "readings", "responses"} {
			sum += w.Metric(`wafer_memory_used_bytes{part="` + part + `"}`)
		}
		return sum
	}
	var all, watch sync.WaitGroup
	end := make(chan struct{})
	var most float64
	watch.Go(func() {
		for looks := 0; ; looks++ {
			select {
			case <-end:
				t.Logf("looked %d times, at most %.0f bytes of %d", looks, most, budget)
				return
			default:
			}
			most = max(most, used())
		}
	})
	var gets atomic.Int64
	watch.Go(func() {
		for {
			select {
			case <-end:
				return
			default:
			}
			c, err := dial(w.Addr)
			if err != nil {
				t.Error(err)
				return
			}
			_ = c.send("GET / HTTP/1.1\r\nHost: h.test\r\nUser-Agent: w\r\nAccept: */*\r\n\r\n")
			if a, err := c.answer("GET"); err != nil || a.StatusCode != 200 {
				t.Errorf("a request without a body: %v, %v", a.Response, err)
			}
			gets.Add(1)
			_ = c.Close()
		}
	})
	for i := range uploads {
		all.Go(func() {
			body := bodies[i/2%len(bodies)]
			if i%2 == 0 {
				body = body[:len(body)/2] // and no more
			}
			upload(i/2%len(bodies), body)
		})
	}
	all.Wait()
	close(end)
	watch.Wait()

	t.Logf("%d served, %d refused, %d ended without an answer, %d without a body served", served.Load(), refused.Load(), ended.Load(), gets.Load())
	if most > budget {
		t.Errorf("%.0f bytes were held, more than %d", most, budget)
	}
	if served.Load() == 0 || gets.Load() == 0 || w.Metric("wafer_memory_evictions_total") == 0 {
		t.Errorf("%d uploads and %d others served, %v let go", served.Load(), gets.Load(), w.Metric("wafer_memory_evictions_total"))
	}
	tier.Eventually(t, "all memory given back", func() bool { return used() == 0 })
	tier.Eventually(t, "refusals counted", func() bool { return w.Metric(`wafer_refused_total{reason="memory"}`) > 0 })
}
