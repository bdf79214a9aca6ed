package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// An exemplar leads from a counter to one of the requests that it has counted, by its id, which events have as well. Requests that
// pass in ordinary time have none: it is an allocation.

// slow is from when on the time of a request has an exemplar in any case.
const slow = time.Second

// longestID is how long the id of an exemplar may be: the client library panics about what the format does not allow, which is 128
// characters of labels, their names included.
const longestID = 128 - len("request_id")

// exemplarOf is the exemplar of a request; nil: it has none.
func exemplarOf(requestID string) prometheus.Labels {
	if requestID == "" || len(requestID) > longestID {
		return nil
	}
	return prometheus.Labels{"request_id": requestID}
}

// incWith counts, with an exemplar if there is one.
func incWith(c prometheus.Counter, e prometheus.Labels) {
	if with, ok := c.(prometheus.ExemplarAdder); ok && e != nil {
		with.AddWithExemplar(1, e)
		return
	}
	c.Inc()
}

// observeWith observes, with an exemplar if there is one.
func observeWith(o prometheus.Observer, value float64, e prometheus.Labels) {
	if with, ok := o.(prometheus.ExemplarObserver); ok && e != nil {
		with.ObserveWithExemplar(value, e)
		return
	}
	o.Observe(value)
}
