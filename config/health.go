package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// HealthCheck says how endpoints are asked whether they are well.
type HealthCheck struct {
	Path     string        `mapstructure:"path" short:"string"`
	Protocol CheckProtocol `mapstructure:"protocol"` // http, or the health protocol of gRPC
	Service  string        `mapstructure:"service"`  // by gRPC; empty: the server
	Method   string        `mapstructure:"method" enum:"GET HEAD OPTIONS"`
	Host     string        `mapstructure:"host"`   // empty: the endpoint's address
	Status   []StatusRange `mapstructure:"status"` // of a good answer
	Body     string        `mapstructure:"body"`   // what has to stand in it

	Interval     time.Duration `mapstructure:"interval"`
	IntervalDown time.Duration `mapstructure:"interval_down"` // of an endpoint that gets no requests
	Timeout      time.Duration `mapstructure:"timeout"`
	Healthy      int           `mapstructure:"healthy"`   // good answers in a row after which an endpoint is well
	Unhealthy    int           `mapstructure:"unhealthy"` // others in a row after which it is not
}

// Ejection says which endpoints are not asked for a time, for what has become of requests.
type Ejection struct {
	Mode      Switch        `mapstructure:"mode" short:"string"`
	Faults    int           `mapstructure:"faults"`     // attempts in a row that got no answer; 0: they do not eject
	Errors5xx int           `mapstructure:"errors_5xx"` // answers in a row that were 500, 502, 503 or 504; 0: likewise
	Base      time.Duration `mapstructure:"base"`       // the first ejection; each that follows soon is twice as long
	Max       time.Duration `mapstructure:"max"`        // the longest
	Share     Percent       `mapstructure:"share"`      // of the endpoints that may be ejected at a time
	Panic     Percent       `mapstructure:"panic"`      // of the endpoints that has to be left; with fewer, all are asked
}

// CheckProtocol is how an endpoint is asked whether it is well.
type CheckProtocol string

// How it can be.
const (
	CheckHTTP CheckProtocol = "http"
	CheckGRPC CheckProtocol = "grpc"
)

// StatusRange are statuses of responses, both ends included.
type StatusRange struct{ From, To int }

// ParseStatusRange reads a status, a class of them, or the ends of a range.
func ParseStatusRange(s string) (StatusRange, error) {
	var r StatusRange
	from, to, two := strings.Cut(s, "-")
	class, isClass := strings.CutSuffix(s, "xx")
	switch {
	case isClass && len(class) == 1 && class[0] >= '2' && class[0] <= '5':
		r.From = int(class[0]-'0') * 100
		r.To = r.From + 99
	case two:
		r = StatusRange{parseStatus(from), parseStatus(to)}
	default:
		r = StatusRange{parseStatus(s), parseStatus(s)}
	}
	if r.From == 0 || r.To < r.From {
		return StatusRange{}, fmt.Errorf("%q is not a status: write one, such as 200, a class, such as 2xx, or from and to, such as 200-399", s)
	}
	return r, nil
}

// parseStatus reads the status of a final response; 0: it is none.
func parseStatus(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || len(s) != 3 || n < 200 || n > 599 {
		return 0
	}
	return n
}

// String gives the range as ParseStatusRange reads it.
func (r StatusRange) String() string {
	switch {
	case r.From == r.To:
		return strconv.Itoa(r.From)
	case r.From%100 == 0 && r.To == r.From+99:
		return strconv.Itoa(r.From/100) + "xx"
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

// Has reports whether a status is within the range.
func (r StatusRange) Has(status int) bool { return r.From <= status && status <= r.To }

// DefaultHealthCheck returns what a check is before the file says anything about it.
func DefaultHealthCheck() HealthCheck {
	return HealthCheck{
		Protocol: CheckHTTP, Method: "GET", Status: []StatusRange{{200, 399}},
		Interval: 10 * time.Second, IntervalDown: 5 * time.Second, Timeout: 2 * time.Second, Healthy: 2, Unhealthy: 3,
	}
}

// DefaultEjection returns what ejects endpoints of an upstream of which the file does not say it.
func DefaultEjection() Ejection {
	return Ejection{Mode: On, Faults: 5, Errors5xx: 5, Base: 10 * time.Second, Max: time.Minute, Share: 50, Panic: 50}
}

func fillHealthCheck(h *HealthCheck, has func(key string) bool) {
	d := DefaultHealthCheck()
	fill(&h.Protocol, d.Protocol, has("health.protocol"))
	fill(&h.Method, d.Method, has("health.method"))
	fill(&h.Status, d.Status, has("health.status"))
	fill(&h.Interval, d.Interval, has("health.interval"))
	fill(&h.IntervalDown, d.IntervalDown, has("health.interval_down"))
	fill(&h.Timeout, d.Timeout, has("health.timeout"))
	fill(&h.Healthy, d.Healthy, has("health.healthy"))
	fill(&h.Unhealthy, d.Unhealthy, has("health.unhealthy"))
}

func fillEjection(e *Ejection, has func(key string) bool) {
	d := DefaultEjection()
	fill(&e.Mode, d.Mode, has("ejection.mode"))
	fill(&e.Faults, d.Faults, has("ejection.faults"))
	fill(&e.Errors5xx, d.Errors5xx, has("ejection.errors_5xx"))
	fill(&e.Base, d.Base, has("ejection.base"))
	fill(&e.Max, d.Max, has("ejection.max"))
	fill(&e.Share, d.Share, has("ejection.share"))
	fill(&e.Panic, d.Panic, has("ejection.panic"))
}

// shortest is the least time between two checks, and of an ejection: what is shorter asks more than it helps.
const shortest = 100 * time.Millisecond

// longestText bounds what is looked for in the answer to a check.
const longestText = 1024

func (c *checker) checkHealth(path string, u *Upstream) {
	h := u.Health
	word(c, path+".protocol", h.Protocol)
	oneOf(c, path+".method", h.Method, allowed[HealthCheck]("method"))
	if h.Host != "" {
		c.addErr(path+".host", checkHostField(h.Host))
	}
	if len(h.Body) > longestText {
		c.add(path+".body", "%d bytes are too long: %d at most", len(h.Body), longestText)
	}
	if len(h.Status) == 0 {
		c.add(path+".status", "at least one status is required")
	}
	c.longer(path+".interval", h.Interval)
	c.longer(path+".interval_down", h.IntervalDown)
	c.longer(path+".timeout", h.Timeout)
	c.atLeast(path+".healthy", h.Healthy, 1)
	c.atLeast(path+".unhealthy", h.Unhealthy, 1)
	if h.Protocol == CheckGRPC {
		c.checkGRPCHealth(path, u)
		return
	}
	if h.Service != "" {
		c.add(path+".service", "has no effect without protocol: grpc")
	}
	if h.Path == "" {
		c.add(path+".path", "required")
	} else {
		c.addErr(path+".path", checkTarget(h.Path))
	}
}

// checkTarget accepts a path and, behind it, a query.
func checkTarget(t string) error {
	path, query, _ := strings.Cut(t, "?")
	if err := checkPath(path); err != nil {
		return err
	}
	if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r == '#' || r > '~' }) {
		return fmt.Errorf("%q holds what a query cannot: write it with %%", t)
	}
	return nil
}

func (c *checker) checkGRPCHealth(path string, u *Upstream) {
	if u.Health.Path != "" {
		c.add(path+".path", "has no effect beside protocol: grpc")
	}
	if u.Health.Body != "" {
		c.add(path+".body", "has no effect beside protocol: grpc")
	}
	if u.Protocol == ProtocolH1 {
		c.add(path+".protocol", "grpc is spoken by HTTP/2: write h2 or h2c as the upstream's protocol")
	}
}

func (c *checker) checkEjection(path string, e *Ejection) {
	word(c, path+".mode", e.Mode)
	c.atLeast(path+".faults", e.Faults, 0)
	c.atLeast(path+".errors_5xx", e.Errors5xx, 0)
	c.longer(path+".base", e.Base)
	if e.Max < e.Base {
		c.add(path+".max", "%s is shorter than base, %s", e.Max, e.Base)
	}
	c.percent(path+".share", e.Share)
	c.percent(path+".panic", e.Panic)
}

// longer checks that a time is not too short.
func (c *checker) longer(path string, d time.Duration) {
	if d < shortest {
		c.add(path, "%s is too short: at least %s", d, shortest)
	}
}

// percent checks that a share is one.
func (c *checker) percent(path string, p Percent) {
	if p < 0 || p > 100 {
		c.add(path, "%s is out of range: 0%% to 100%%", p)
	}
}
