package config

import "time"

// Retries say what is tried again at an upstream, and how much of it.
type Retries struct {
	Attempts int           `mapstructure:"attempts" short:"number"` // how often a request that was sent is sent again, at most
	Statuses []StatusRange `mapstructure:"statuses"`                // of responses that are not taken while another endpoint can be asked
	Budget   RetryBudget   `mapstructure:"budget"`
}

// RetryBudget bounds how much is tried again.
type RetryBudget struct {
	Share Percent `mapstructure:"share" short:"string"` // of the requests of the last seconds
	Least int     `mapstructure:"least"`                // at a time, however few requests there are
}

// UpstreamLimits bound what an upstream gets at once. 0 is no limit.
type UpstreamLimits struct {
	Connections      int           `mapstructure:"connections"`        // to all endpoints together
	InFlight         int           `mapstructure:"in_flight"`          // requests at all endpoints together
	EndpointInFlight int           `mapstructure:"endpoint_in_flight"` // at each
	Queue            int           `mapstructure:"queue"`              // requests that wait for a place; 0: none do
	EndpointQueue    int           `mapstructure:"endpoint_queue"`     // that wait for the endpoint that a key or a cookie leads to; 0: none do
	QueueTimeout     time.Duration `mapstructure:"queue_timeout"`      // how long
}

// KeepAlive says how long connections live.
type KeepAlive struct {
	Age    time.Duration `mapstructure:"age" short:"string"` // since they were opened, at most; 0: any
	Jitter Percent       `mapstructure:"jitter"`             // by which each is shorter, at random, at most
}

// DefaultRetries returns what is tried again at an upstream of which the file does not say it.
func DefaultRetries() Retries { return Retries{Attempts: 2, Budget: RetryBudget{Share: 20, Least: 3}} }

func fillUse(u *Upstream, has func(key string) bool) {
	d := DefaultUpstream()
	fill(&u.Retries.Attempts, d.Retries.Attempts, has("retries.attempts"))
	fill(&u.Retries.Budget.Share, d.Retries.Budget.Share, has("retries.budget.share"))
	fill(&u.Retries.Budget.Least, d.Retries.Budget.Least, has("retries.budget.least"))
	fill(&u.Limits.QueueTimeout, d.Limits.QueueTimeout, has("limits.queue_timeout"))
	fill(&u.KeepAlive.Age, d.KeepAlive.Age, has("keep_alive.age"))
	fill(&u.KeepAlive.Jitter, d.KeepAlive.Jitter, has("keep_alive.jitter"))
	fill(&u.Timeouts.TLS, d.Timeouts.TLS, has("timeouts.tls"))
}

// mostAttempts bounds how often a request can reach endpoints.
const mostAttempts = 10

func (c *checker) checkUse(path string, u *Upstream) {
	r := &u.Retries
	c.atLeast(path+".retries.attempts", r.Attempts, 0)
	if r.Attempts > mostAttempts {
		c.add(path+".retries.attempts", "%d is too large: at most %d", r.Attempts, mostAttempts)
	}
	for i, s := range r.Statuses {
		if s.From != 0 && s.From < 400 {
			c.add(indexPath(path+".retries.statuses", i), "%s is no status of a failure: 400 to 599", s)
		}
	}
	c.percent(path+".retries.budget.share", r.Budget.Share)
	c.atLeast(path+".retries.budget.least", r.Budget.Least, 0)
	l := &u.Limits
	c.atLeast(path+".limits.connections", l.Connections, 0)
	c.atLeast(path+".limits.in_flight", l.InFlight, 0)
	c.atLeast(path+".limits.endpoint_in_flight", l.EndpointInFlight, 0)
	c.atLeast(path+".limits.queue", l.Queue, 0)
	c.atLeast(path+".limits.endpoint_queue", l.EndpointQueue, 0)
	if l.EndpointQueue > 0 && u.Balance != ConsistentHash && u.Balance != Sticking {
		c.noEffect(path+".limits.endpoint_queue", u)
	}
	c.longer(path+".limits.queue_timeout", l.QueueTimeout)
	if l.Queue == 0 && l.EndpointQueue == 0 && c.says(path+".limits.queue_timeout") {
		c.add(path+".limits.queue_timeout", "has no effect without limits.queue: nobody waits")
	}
	c.notNegative(path+".keep_alive.age", u.KeepAlive.Age)
	c.percent(path+".keep_alive.jitter", u.KeepAlive.Jitter)
	c.notNegative(path+".timeouts.tls", u.Timeouts.TLS)
	c.notNegative(path+".timeouts.total", u.Timeouts.Total)
}
