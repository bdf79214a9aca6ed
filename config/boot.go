package config

import (
	"crypto/sha256"
	"net/netip"
	"time"
)

// Boot holds what is fixed for the life of the process: addresses and limits of
// the process itself. What may change while it runs stands in a route file.
type Boot struct {
	Listen    string     `mapstructure:"listen"`    // traffic listener in clear text, host:port; has no effect beside Listeners
	Listeners []Listener `mapstructure:"listeners"` // traffic listeners
	Admin     string     `mapstructure:"admin"`     // admin listener, host:port; empty: none
	// AdminHosts are names of the admin listener, beside its addresses and names that nobody can register.
	AdminHosts    []string `mapstructure:"admin_hosts"`
	AdminProfiles bool     `mapstructure:"admin_profiles"` // for who is not on the same machine, too
	AdminTokens   string   `mapstructure:"admin_tokens"`   // file of hashes of tokens, and their roles; empty: there are none
	// AdminClosed are what needs a token, too, although it tells no secrets.
	AdminClosed []string `mapstructure:"admin_closed" enum:"metrics standing"`
	// AdminLocalNeedsToken is true if nobody may operate without a token, not even on the same machine.
	AdminLocalNeedsToken bool `mapstructure:"admin_local_needs_token"`

	AdminTLS AdminTLS `mapstructure:"admin_tls"`
	// AdminPeers are the admin listeners of all pods, host:port; none: those of LastGood.
	AdminPeers     []string `mapstructure:"admin_peers"`
	AdminPeerToken string   `mapstructure:"admin_peer_token"` // file of the token by which pods ask each other; empty: by address

	Hold string `mapstructure:"hold"` // Unix socket of "wafer hold", which keeps the traffic listener; empty: nobody does

	Routes string `mapstructure:"routes"` // path of the route file
	To     string `mapstructure:"to"`     // http://host:port; instead of Routes

	Log    Log    `mapstructure:"log"`
	Events Events `mapstructure:"events"`
	Reload Reload `mapstructure:"reload"`

	Masking Masking `mapstructure:"masking"` // what is secret in what leaves the process

	Metrics Metrics `mapstructure:"metrics"`

	Records RecordsOutput `mapstructure:"records"` // where they go

	// LastGood is where a configuration is found if the files are refused at the start.
	LastGood LastGood `mapstructure:"last_good"`
	// KubernetesEvents tells Kubernetes of refused files and of pods that disagree, by events and a condition of the pod.
	KubernetesEvents bool `mapstructure:"kubernetes_events"`

	Store Store `mapstructure:"store"` // what replicas share

	Recent Recent `mapstructure:"recent"` // what is kept of the latest events

	Traces Traces `mapstructure:"traces"` // of requests

	Limits  Limits  `mapstructure:"limits"`
	Timeout Timeout `mapstructure:"timeout"`

	HTTP2 Switch `mapstructure:"http2"` // for clients that begin with it

	// TrustedProxies are the networks whose forwarding headers and request ids are believed.
	TrustedProxies []netip.Prefix `mapstructure:"trusted_proxies"`

	// ProxyProtocol, if on, expects a PROXY protocol header on every connection of
	// TrustedProxies, and on no other.
	ProxyProtocol Switch `mapstructure:"proxy_protocol"`

	// ClientAddressHeader is the field in which trusted proxies say whom a request is from:
	// X-Forwarded-For, Forwarded, or one with a list of addresses or a single one.
	ClientAddressHeader string `mapstructure:"client_address_header"`

	// ForwardedHeader adds the field Forwarded (RFC 7239) to what upstreams get.
	ForwardedHeader bool `mapstructure:"forwarded_header"`

	DrainDelay    time.Duration `mapstructure:"drain_delay"`    // not ready, still accepting
	ShutdownGrace time.Duration `mapstructure:"shutdown_grace"` // for requests in flight

	places map[string]Problem // of key paths, for At
	file   string             // the boot file; empty: none
	sum    [sha256.Size]byte  // of what it held
}

// Stale names the boot file, and reports whether it holds something else than what was loaded: what has changed in it has no
// effect before a restart. A file that cannot be read says nothing.
func (b *Boot) Stale() (name string, stale bool) {
	if b.file == "" {
		return "", false
	}
	data, err := disk{}.regular(b.file)
	return b.file, err == nil && sha256.Sum256(data) != b.sum
}

// Log says what is written to standard output.
type Log struct {
	Level  string    `mapstructure:"level" enum:"debug info warn error"` // debug, info, warn or error
	Format string    `mapstructure:"format" enum:"auto json console"`    // auto (console on a terminal, else json), json or console
	Access AccessLog `mapstructure:"access"`                             // all or off: one access event per request, or only for those refused
}

// Reload says how changes of the route file are noticed.
type Reload struct {
	Interval time.Duration `mapstructure:"interval"` // between digests of the files; 0: only on SIGHUP and POST /-/reload
	Jitter   time.Duration `mapstructure:"jitter"`   // wait up to this long, by chance, between seeing a change and loading it
}

// LastGood says where the configuration that was in force last is kept. Without it files that are refused
// at the start end the process.
type LastGood struct {
	Dir   string   `mapstructure:"dir"`   // folder of this process and of those that follow it; empty: none
	Peers []string `mapstructure:"peers"` // admin listeners of processes with the same files, host:port; a name stands for all its addresses
}

// On tells whether there is a place to look.
func (l LastGood) On() bool { return l.Dir != "" || len(l.Peers) > 0 }

// Limits bound what the process takes from all clients together and from each one.
type Limits struct {
	Connections          int  `mapstructure:"connections"`            // open client connections
	ConnectionsPerClient int  `mapstructure:"connections_per_client"` // of one IPv4 address or IPv6 /64; 0: no limit
	Head                 Size `mapstructure:"head"`                   // request line and header section
	Rate                 Size `mapstructure:"rate"`                   // per second, that a transfer may not fall below for long; 0: no limit
	Inspections          int  `mapstructure:"inspections"`            // at once; 0: one per CPU and one more
	Memory               Size `mapstructure:"memory"`                 // for bodies under inspection; 0: derived

	HTTP2 HTTP2Limits `mapstructure:"http2"`
}

// HTTP2Limits bound what a client may do on one connection of HTTP/2.
type HTTP2Limits struct {
	Streams       int  `mapstructure:"streams"`        // open at once
	Resets        int  `mapstructure:"resets"`         // of streams, beyond those that are answered
	ControlFrames int  `mapstructure:"control_frames"` // beyond those that responses and time explain
	Window        Size `mapstructure:"window"`         // of a body that comes before it is read
}

// Timeout bounds how long a client may take.
type Timeout struct {
	Head  time.Duration `mapstructure:"head"`  // first byte of a request to the last one of its head
	Body  time.Duration `mapstructure:"body"`  // silence within a request body
	Write time.Duration `mapstructure:"write"` // standstill within a response
	Idle  time.Duration `mapstructure:"idle"`  // between two requests on a connection
}
