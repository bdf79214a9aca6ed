package access

import (
	"net/netip"
	"time"

	"github.com/wafer-waf/wafer/access/login"
	"github.com/wafer-waf/wafer/access/rate"
	"github.com/wafer-waf/wafer/message"
)

// Request is what is known of a request when its access is decided.
type Request struct {
	Client      netip.Addr   // decided once, by whom to believe
	Household   netip.Prefix // what counts as one client: of IPv6 a /64
	Method      string
	Host        string // as received, with or without port
	Target      string // as received
	Path        []byte // canonical, as routes compare it
	Fields      message.Fields
	Certificate *message.ClientCertificate // verified; nil: none
	Route       string                     // id; empty: none matched
	Matched     string                     // what of the route's paths has matched
	ID          string                     // of the request
	Own         bool                       // the tier answers it by itself: nothing but bans applies
	Dry         bool                       // nobody has sent it, so that no limit counts it
	Now         time.Time

	located   located
	undecided bool // a condition of the rule that was asked last could not be told yet

	// Readings are further ways in which a server may read the path; none: there is one.
	Readings [][]byte
	// Unreadable says that there are more than anybody could go through: the path may be any.
	Unreadable bool

	proved  proved        // of what it carries
	attempt login.Attempt // to log in

	scratch scratch
}

// scratch is room that a request which is used again need not ask for again.
type scratch struct {
	host   []byte // without port, as bans compare it
	ban    []byte // key of one
	path   []byte
	limits rate.Asked
}

// Reset makes the request a new one, of which nothing is known but its path, which is copied.
func (r *Request) Reset(path []byte) {
	kept := r.scratch
	kept.limits.Reset()
	kept.path = append(kept.path[:0], path...)
	*r = Request{Path: kept.path, scratch: kept}
}

// someReading reports whether the path, or another reading of it, meets a condition.
func (r *Request) someReading(meets func(path []byte) bool) bool {
	if r.Unreadable || meets(r.Path) {
		return true
	}
	for _, path := range r.Readings {
		if meets(path) {
			return true
		}
	}
	return false
}

// everyReading reports whether all readings of the path meet a condition.
func (r *Request) everyReading(meets func(path []byte) bool) bool {
	if r.Unreadable || !meets(r.Path) {
		return false
	}
	for _, path := range r.Readings {
		if !meets(path) {
			return false
		}
	}
	return true
}

// Outcome is what has become of a request.
type Outcome struct {
	Status            int    // of the response; 0: there was none
	Answer            int    // the application's status; 0: it has not answered
	Location          string // that it has named, if that matters
	Blocked           bool   // by rules of the inspection, or it would have been
	Score             int    // of the inspection
	BytesIn, BytesOut int64
}
