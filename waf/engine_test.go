package waf

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// testPolicy is the default policy of the product at paranoia 1.
func testPolicy() Policy {
	return Policy{
		ID: "test", BlockingParanoia: 1, DetectionParanoia: 1, InboundThreshold: 5, OutboundThreshold: 4, ReportingLevel: 4,
		RequestBody: true, RequestBodyBytes: 1 << 20, ResponseBody: true, ResponseBodyBytes: 512 << 10,
		ResponseMIMETypes: []string{"text/html", "text/plain", "application/json"},
	}
}

func get(target string) *Request {
	return &Request{Method: "GET", Target: target, Protocol: "HTTP/1.1", Host: "shop.example",
		Headers: []Header{{"Host", "shop.example"}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}}, ClientAddr: "192.0.2.1", ClientPort: 1234}
}

func TestScratch(t *testing.T) {
	var a, b runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&a)
	t0 := time.Now()
	e, err := NewEngine(testPolicy())
	if err != nil {
		t.Fatal(err)
	}
	el := time.Since(t0)
	runtime.GC()
	runtime.ReadMemStats(&b)
	fmt.Println("rules", e.Rules(), "time", el, "MB", float64(b.HeapAlloc-a.HeapAlloc)/1e6)
	for _, q := range []string{"/?q=shoes", "/?q=1'%20UNION%20SELECT%20username,password%20FROM%20users--%20-", "/?q=<script>alert(document.cookie)</script>", "/?file=../../../../etc/passwd", "/?cmd=;cat%20/etc/passwd;%20id"} {
		tx := e.Begin(context.Background(), "x")
		v, err := tx.RequestHead(get(q))
		v2, err2 := tx.RequestBody(nil)
		f, err3 := tx.Finish()
		fmt.Println(q, v, err, v2, err2, err3, f.InboundScore)
		for _, m := range f.Matches {
			fmt.Println("   ", m.RuleID, m.Score, m.Severity, m.Paranoia, m.Message, m.Targets)
		}
	}
	p := testPolicy()
	p.RulesAfter = []RuleText{{"x.conf", "SecAction \"id:1,phase:1,pass\"\n\n# c\nSecRule ARGS \"@foo bar\" \\\n \"id:2,phase:1,pass\"\nSecAction \"id:3,phase:1,pass\""}}
	_, err = NewEngine(p)
	fmt.Println(err)
}
