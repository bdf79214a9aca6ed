package admin

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/peers"
	"github.com/wafer-waf/wafer/suggest"
)

// Role is what somebody may do on the listener. Each may do what the one before may.
type Role uint8

// The roles.
const (
	Anyone  Role = iota // who reaches the listener: is it alive, what does it count
	Read                // see what is configured, and events
	Operate             // change something, and take profiles
)

var roleNames = [...]string{"anyone", "read", "operate"}

func (r Role) String() string { return roleNames[r] }

// ParseRole reads the role of a token: read or operate.
func ParseRole(word string) (Role, error) {
	for _, r := range []Role{Read, Operate} {
		if word == r.String() {
			return r, nil
		}
	}
	return Anyone, fmt.Errorf("role %s: read or operate%s", quoted(word), suggest.DidYouMean(word, roleNames[Read:]))
}

// someone is who sends a request, as far as it has been proved.
type someone struct {
	name string // of the token, or "local"; empty: nobody knows
	role Role
}

// local is who is on the same machine, or comes through "kubectl port-forward": Kubernetes has decided about
// that.
const local = "local"

// peer is a pod of the tier that asks for what it has to join. It is known by its address, as long as it has no token.
const peer = "peer"

func (o *Options) peer(r *http.Request) bool {
	if o.Peer == nil || r.Header.Get(peers.Header) == "" || r.Method != http.MethodGet {
		return false
	}
	is, err := o.Peer(r.Context(), clientOf(r))
	return is && err == nil
}

// Reasons for which requests are refused, besides those of guard.
const (
	refusedUnknown = "token" // none that is known
	refusedRole    = "role"
	refusedTooMany = "rate"
)

// Refusals are the reasons for which the listener refuses requests.
func Refusals() []string { return []string{refusedUnknown, refusedRole, refusedTooMany} }

// who finds out who sends a request. A token that is not known is an error, even of who could do without.
func (o *Options) who(r *http.Request) (who someone, known bool) {
	if clientOf(r).IsLoopback() && !o.LocalNeedsToken {
		who = someone{local, Operate}
	}
	if o.Certificates != nil && r.TLS != nil {
		if shown := o.Certificates.find(r.TLS, time.Now()); shown.name != "" {
			who = someone{shown.name, max(shown.role, who.role)}
		}
	}
	if who.role < Read && o.peer(r) {
		who = someone{peer, Read}
	}
	field := r.Header.Get("Authorization")
	if field == "" || o.Tokens == nil {
		return who, true
	}
	scheme, shown, _ := strings.Cut(field, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return who, false
	}
	t, ok := o.Tokens.find(strings.TrimSpace(shown), time.Now())
	if !ok {
		return who, false
	}
	return someone{t.Name, max(t.Role, who.role)}, true
}

// clientOf is the address that a request comes from; none if there is none.
func clientOf(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	return from.Addr().Unmap()
}

// proofs reports whether anybody can prove to have a role, so that reading needs one.
func (o *Options) proofs() bool { return o.Tokens != nil || o.Certificates != nil }

// may lets those through who have a role at least. What operators do is written down with what came of it, and who was
// refused is, too, up to a number: a log must not be filled by strangers.
func (o *Options) may(need Role, next http.Handler) http.Handler {
	refused := o.Log.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if need == Anyone {
			next.ServeHTTP(w, r)
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
			// It could not read the answer, but have whoever looks at it spend what the answer costs, with their role.
			problem(w, http.StatusForbidden, fromElsewhere, nil)
			return
		}
		who, known := o.who(r)
		if why := o.refuse(w, r, need, who, known); why != "" {
			if o.Refused != nil {
				o.Refused(why)
			}
			told(refused.Warn(), who, r).Str("reason", why).Msg("admin request refused")
			return
		}
		if need < Operate {
			next.ServeHTTP(w, r)
			return
		}
		answered := &answered{ResponseWriter: w}
		defer func() {
			e := told(o.Log.Info(), who, r).Int("status", answered.status)
			if r.URL.RawQuery != "" {
				e.Str("query", o.Masking.Query(r.URL.RawQuery))
			}
			e.Msg("admin request")
		}()
		next.ServeHTTP(answered, r)
	})
}

// refuse answers who may not, and returns for which reason; empty: who asks may.
func (o *Options) refuse(w http.ResponseWriter, r *http.Request, need Role, who someone, known bool) (why string) {
	switch {
	case !known:
		if !o.failures.allow(network(clientOf(r)), time.Now()) {
			o.tooMany(w)
			return refusedTooMany
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="wafer admin", error="invalid_token"`)
		problem(w, http.StatusUnauthorized, "this token is not known, or has ended", nil)
		return refusedUnknown
	case who.role >= need:
		return ""
	case who.name == "" && o.Tokens != nil:
		w.Header().Set("WWW-Authenticate", `Bearer realm="wafer admin"`)
		problem(w, http.StatusUnauthorized, "a token of the role "+needs(r, need).String()+" is needed (Authorization: Bearer …)", nil)
		return refusedUnknown
	case who.name == "" && o.Certificates != nil:
		problem(w, http.StatusForbidden, "a client certificate with the role "+needs(r, need).String()+" is needed", nil)
	case who.name == "":
		problem(w, http.StatusForbidden, "this is for who is on the same machine: use kubectl port-forward, or give out tokens with admin_tokens", nil)
	default:
		problem(w, http.StatusForbidden, "the role of "+who.name+" is "+who.role.String()+", and "+need.String()+" is needed", nil)
	}
	return refusedRole
}

// answered remembers the status of an answer.
type answered struct {
	http.ResponseWriter
	status int
}

func (a *answered) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap is for [http.ResponseController].
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// needs is the role that a request needs in the end: where reading is open to one, changing takes more.
func needs(r *http.Request, role Role) Role {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return Operate
	}
	return role
}

func told(e *zerolog.Event, who someone, r *http.Request) *zerolog.Event {
	if who.name != "" {
		e.Str("who", who.name)
	}
	return e.Str("from", r.RemoteAddr).Str("method", r.Method).Str("path", r.URL.Path)
}
