package snapshot

import (
	"testing"
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/upstream/health"
)

// TestHealthAsConfigured has each setting arrive where it has an effect.
func TestHealthAsConfigured(t *testing.T) {
	u := config.DefaultUpstream()
	u.ID = "shop"
	var told HealthTold
	c := told.health(&u)
	if c.Faults != 5 || c.Errors5xx != 5 || c.Base != 10*time.Second || c.Max != time.Minute || c.Share != 50 || c.Panic != 50 || c.Tell != nil || checks(&u) != nil {
		t.Errorf("by default: %+v", c)
	}
	u.Ejection.Mode = config.Off
	if c := told.health(&u); c.Faults != 0 || c.Errors5xx != 0 || c.Panic != 50 {
		t.Errorf("off: %+v", c)
	}

	h := config.DefaultHealthCheck()
	h.Path, h.Method, h.Host, h.Body, h.Protocol, h.Service = "/a?b", "HEAD", "shop.test", "ok", config.CheckGRPC, "shop"
	h.Status = []config.StatusRange{{From: 200, To: 204}, {From: 301, To: 301}}
	u.Health = &h
	k := checks(&u)
	if k.Path != "/a?b" || k.Method != "HEAD" || k.Host != "shop.test" || k.Body != "ok" || !k.GRPC || k.Service != "shop" ||
		k.Interval != h.Interval || k.Down != h.IntervalDown || k.Timeout != h.Timeout {
		t.Errorf("check: %+v", k)
	}
	for status, good := range map[int]bool{200: true, 204: true, 205: false, 301: true, 302: false, 500: false} {
		if k.Good(status) != good {
			t.Errorf("%d is good: %v", status, !good)
		}
	}

	var heard []string
	told = HealthTold{
		Changed:  func(upstream string, c health.Change) { heard = append(heard, upstream+" "+c.Address) },
		Panics:   func(upstream string, _ bool, _, _ int) { heard = append(heard, upstream+" panics") },
		Withheld: func(upstream string) { heard = append(heard, upstream+" spares") },
	}
	c = told.health(&u)
	c.Tell(health.Change{Address: "a:80"})
	c.Panics(true, 0, 1)
	c.Withheld("a:80")
	if c.Healthy != 2 || c.Unhealthy != 3 || len(heard) != 3 || heard[0] != "shop a:80" || heard[1] != "shop panics" || heard[2] != "shop spares" {
		t.Errorf("%d %d %q", c.Healthy, c.Unhealthy, heard)
	}
}
