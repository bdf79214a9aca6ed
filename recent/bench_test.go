package recent

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// hundredThousand is a store with 100,000 security events of about 800 bytes each.
func hundredThousand(b *testing.B) *Store {
	b.Helper()
	s := NewStore(256 << 20)
	for i := range 100_000 {
		s.Add(fmt.Appendf(nil, `{"time":"2026-11-30T20:15:00.120Z","level":"info","event":"security","request_id":"0197f2c4-8a51-7c3e-9d5b-%012x","route":"route-%d",`+
			`"policy":"strict","mode":"block","client":"192.0.2.%d","method":"POST","host":"shop.example.com","path":"/api/v1/orders/%d","tls":"1.3","server_name":"shop.example.com",`+
			`"verdict":"block","status":403,"phase":2,"rule_id":949110,"score":{"inbound":10,"inbound_threshold":5,"outbound":0,"outbound_threshold":4},`+
			`"rules":[{"id":942100,"message":"SQL Injection Attack Detected via libinjection","severity":"critical","phase":2,"target":"ARGS:q","value":"1' OR 1=1--","tags":["attack-sqli","paranoia-level/1"]},`+
			`{"id":%d,"message":"Detects classic SQL injection probings 1/3","severity":"critical","phase":2,"target":"ARGS:q","value":"1' OR 1=1--","tags":["attack-sqli","paranoia-level/1"]}],`+
			`"coverage":"full","generation":3,"message":"security event"}`, i, i%50, i%250, i, 942000+i%1000))
	}
	return s
}

// cpu reports how long the processors worked for one time round, which others on the machine change little.
func cpu(b *testing.B) func() {
	b.Helper()
	now := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	began := now()
	return func() { b.ReportMetric(float64((now()-began).Microseconds())/1000/float64(b.N), "cpu-ms/op") }
}

func BenchmarkFind(b *testing.B) {
	s := hundredThousand(b)
	for _, c := range []struct {
		about  string
		filter Filter
	}{
		{"newest page", Filter{}},
		{"request id", Filter{RequestIDs: []string{"0197f2c4-8a51-7c3e-9d5b-000000000001"}}},
		{"route that is not there", Filter{Routes: []string{"nothing"}}},
		{"routes that are not there", Filter{Routes: []string{"nothing", "none"}}},
		{"rule that is not there", Filter{Rules: []Range{{1, 2}}}},
		{"network that is not there", Filter{Clients: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}},
		{"text that is not there", Filter{Texts: []string{"etc/passwd"}}},
		{"text of frequent letters", Filter{Texts: []string{"on sale at eight"}}},
	} {
		b.Run(c.about, func(b *testing.B) {
			defer cpu(b)()
			for b.Loop() {
				if _, err := s.Find(b.Context(), &c.filter, "", 100, time.Minute); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("top rules", func(b *testing.B) {
		defer cpu(b)()
		for b.Loop() {
			if _, err := s.Count(b.Context(), &Filter{}, "rule", 20, time.Minute); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	s := NewStore(16 << 20)
	line := blocked(1)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		s.Add(line)
	}
}

func BenchmarkCounters(b *testing.B) {
	r := NewTimeline(Words{Verdicts: make([]string, 8), Coverage: make([]string, 4), Screened: make([]string, 3)}).Route("shop")
	for b.Loop() {
		r.Done(&Outcome{Verdict: 0, Coverage: 0, Missed: -1, Screened: 1, Status: 200}, time.Millisecond)
	}
}
