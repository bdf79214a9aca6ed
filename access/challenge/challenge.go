package challenge

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// Options are what a challenge is made of.
type Options struct {
	Keys     *Keys
	Bits     int           // of zero that an answer has to reach; each more doubles the work
	Within   time.Duration // a puzzle is answered
	Wait     time.Duration // of a client without scripts; 0: none passes
	Lifetime time.Duration // of a token, since its puzzle was made
	Grace    time.Duration // beyond it, for requests that cannot be asked
	Status   int           // of the page
}

// Bounds of the work. Few bits are found at once, many keep an old phone busy for minutes.
const (
	FewestBits = 8
	MostBits   = 24
)

// Clocks of replicas differ. A slip that comes from the future by no more than skew is believed, and a page lets its
// client wait longer than the puzzle wants, by lag: the second to which times are rounded up, and two for the clocks.
const (
	skew = 30 * time.Second
	lag  = 3 * time.Second
)

// Cookie is the name of the cookie that has the token.
const Cookie = "wafer-pass"

// mostTokens bounds the cookies of that name that are looked at. There is more than one if another host of the domain
// has set one, too.
const mostTokens = 4

// Challenge asks.
type Challenge struct {
	o    Options
	page page
}

// New returns a challenge.
func New(o Options) (*Challenge, error) {
	switch {
	case o.Keys == nil:
		return nil, errors.New("no key")
	case o.Bits < FewestBits || o.Bits > MostBits:
		return nil, fmt.Errorf("%d bits of work: %d to %d", o.Bits, FewestBits, MostBits)
	case seconds(o.Within) < 1 || seconds(o.Within) > math.MaxUint16:
		return nil, fmt.Errorf("a puzzle answered within %s", o.Within)
	case o.Wait < 0 || o.Wait >= o.Within:
		return nil, fmt.Errorf("a wait of %s, for a puzzle that is answered within %s", o.Wait, o.Within)
	}
	return &Challenge{o: o, page: newPage(o.Bits, o.Wait)}, nil
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// Standing is how a client stands: let in, or why it is asked.
type Standing string

// How it can.
const (
	In      Standing = ""
	None    Standing = "no_token"
	Broken  Standing = "broken"       // what is there is no token
	Foreign Standing = "other_key"    // signed with a key that nobody knows any more
	Other   Standing = "other_client" // made for another client, or by somebody else
	Weak    Standing = "weak"         // given for less than is asked for by now
	Ended   Standing = "ended"
)

// Stands says how the client stands by the cookies of a request. If there are several tokens, the best is meant. Late
// are requests that cannot be asked, whose token may have ended a moment ago.
func (c *Challenge) Stands(fields message.Fields, client *Client, late bool, now time.Time) Standing {
	best, left := None, mostTokens
	for i := range fields {
		if !fields[i].Is("Cookie") {
			continue
		}
		for rest := fields[i].Value; rest != "" && left > 0; {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			name, token, found := strings.Cut(pair, "=")
			if !found || strings.Trim(name, " \t") != Cookie {
				continue
			}
			left--
			if best = c.token(strings.Trim(token, " \t"), client, late, now); best == In {
				return In
			}
		}
	}
	return best
}

// token judges one token.
func (c *Challenge) token(text string, client *Client, late bool, now time.Time) Standing {
	s, ok := parse(text)
	if !ok || s.kind != worked && s.kind != waited {
		return Broken
	}
	switch maker, known := c.o.Keys.maker(&s, client, ""); {
	case !known:
		return Foreign
	case maker == nil:
		return Other
	}
	lifetime := c.o.Lifetime
	if late {
		lifetime += c.o.Grace
	}
	switch age := s.age(now); {
	case s.kind == worked && int(s.bits) < c.o.Bits:
		return Weak
	case s.kind == waited && (c.o.Wait == 0 || int(s.wait) < seconds(c.o.Wait)):
		return Weak
	case age > lifetime || age < -skew:
		return Ended
	}
	return In
}

// Reply is a response of the tier's own.
type Reply struct {
	Status int
	Fields message.Fields
	Body   []byte
}

// Ask is the page that asks a client, who wanted that target. id is the request's.
func (c *Challenge) Ask(client *Client, target, id string, now time.Time) Reply {
	back := Back(target)
	s := slip{
		kind: puzzle, issued: uint32(now.Add(time.Second - 1).Unix()), within: uint16(seconds(c.o.Within)),
		bits: byte(c.o.Bits), wait: uint16(seconds(c.o.Wait)),
	}
	_, _ = rand.Read(s.nonce[:]) // which never fails
	s.sign(c.o.Keys.all[0], client, back)
	r := Reply{Status: c.o.Status, Body: c.page.write(&s, back, id), Fields: pageFields(c.page.policy)}
	if c.o.Status == http.StatusTooManyRequests || c.o.Status == http.StatusServiceUnavailable {
		r.Fields = append(r.Fields, message.Field{Name: "Retry-After", Value: strconv.Itoa(seconds(c.o.Wait + lag))})
	}
	return r
}
