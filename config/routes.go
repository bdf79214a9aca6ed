package config

import "time"

// Routes is a whole route file: checked in shape, every default filled in, every
// policy resolved. Lists keep the order of the file.
type Routes struct {
	Routes    []Route     `mapstructure:"routes"`
	Upstreams []Upstream  `mapstructure:"upstreams"`
	Policies  []Policy    `mapstructure:"policies"`
	Access    []Access    `mapstructure:"access"`
	Lists     []List      `mapstructure:"lists"`
	Records   []Recording `mapstructure:"records"`
	Geo       *Geo        `mapstructure:"geo"` // nil: nothing is known of addresses

	// Files are all files the configuration was made of, in the order they were read: the route files
	// first, then those that they name. A variable is one, too, as ${env:NAME}.
	Files []SourceFile `mapstructure:"-"`

	docs      *documents        // where everything stands; nil: in no file
	ruleFiles map[string]string // files that hold rule text, by its Key
}

// SourceFile is one file as it was read, once.
type SourceFile struct {
	Path   string
	SHA256 [32]byte
}

// Route sends the requests it matches to upstreams, or answers with a redirect.
type Route struct {
	ID              string             `mapstructure:"id"`
	Hosts           []string           `mapstructure:"hosts"`   // exact or *.example.com; none: any
	Paths           []PathMatch        `mapstructure:"paths"`   // none: any
	Methods         []string           `mapstructure:"methods"` // none: any
	Headers         []HeaderMatch      `mapstructure:"headers"` // all must hold
	Policy          string             `mapstructure:"policy"`  // policy id; "default" if the file names none
	Access          string             `mapstructure:"access"`  // access policy id; "default": none, if the file defines no such
	Record          string             `mapstructure:"record"`  // id of an entry of records; "default": none, if the file defines no such
	Upstreams       []WeightedUpstream `mapstructure:"upstreams"`
	Redirect        *Redirect          `mapstructure:"redirect"` // instead of Upstreams
	Rewrite         *Rewrite           `mapstructure:"rewrite"`
	RequestHeaders  HeaderEdit         `mapstructure:"request_headers"`
	ResponseHeaders HeaderEdit         `mapstructure:"response_headers"`
	Timeouts        RouteTimeouts      `mapstructure:"timeouts"`
	WebSocket       WebSocket          `mapstructure:"websocket"`                                                                                                           // deny, allow or inspect
	PathReadings    PathReadings       `mapstructure:"path_readings"`                                                                                                       // agree, or one
	AmbiguousPaths  []string           `mapstructure:"ambiguous_paths" enum:"control dot_segment double_encoding empty_segment encoded_separator invalid_escape parameter"` // kinds that are let through whatever they lead to, of AmbiguousPathKinds
	Limits          RouteLimits        `mapstructure:"limits"`

	HTTPS             HTTPS              `mapstructure:"https"`      // optional, redirect or require
	HTTPSPort         int                `mapstructure:"https_port"` // to which is redirected
	HSTS              *HSTS              `mapstructure:"hsts"`
	ClientCertificate *ClientCertificate `mapstructure:"client_certificate"` // nil: as the listener says
	ForwardClient     Forwarding         `mapstructure:"forward_client_certificate"`
}

// AmbiguousPathKinds are the ways in which two parsers may read a path differently.
var AmbiguousPathKinds = allowed[Route]("ambiguous_paths")

// PathMatch has exactly one field set.
type PathMatch struct {
	Exact  string `mapstructure:"exact" one:"it"`
	Prefix string `mapstructure:"prefix" short:"string" one:"it"` // on segment boundaries
	Regex  string `mapstructure:"regex" one:"it"`                 // RE2, must match the whole path
}

// HeaderMatch has a name and exactly one of the other fields set.
type HeaderMatch struct {
	Name    string `mapstructure:"name" short:"string,present: true"`
	Exact   string `mapstructure:"exact" one:"it"`
	Regex   string `mapstructure:"regex" one:"it"` // RE2, must match the whole value
	Present bool   `mapstructure:"present" one:"it"`
}

// WeightedUpstream names an upstream and its share of the requests.
type WeightedUpstream struct {
	ID     string `mapstructure:"id" json:"id" short:"string"`
	Weight int    `mapstructure:"weight" json:"weight"` // 0 to 1000000, default 1
}

// Redirect answers without an upstream. Empty parts are kept from the request.
type Redirect struct {
	Status int    `mapstructure:"status" short:"number"`    // 301, 302, 303, 307 or 308; default 302
	Scheme string `mapstructure:"scheme" enum:"http https"` // http or https
	Host   string `mapstructure:"host"`                     // host or host:port
	Path   string `mapstructure:"path" short:"string"`      // full path; the query is kept
}

// Rewrite changes what the upstream is asked for. Prefix and Path exclude each other.
type Rewrite struct {
	Prefix string `mapstructure:"prefix"`              // replaces the prefix that matched
	Path   string `mapstructure:"path" short:"string"` // replaces the whole path; the query is kept
	Host   string `mapstructure:"host"`                // replaces the Host field
}

// HeaderEdit changes header fields: remove first, then set, then add.
type HeaderEdit struct {
	Add    []HeaderField `mapstructure:"add"`
	Set    []HeaderField `mapstructure:"set"`
	Remove []string      `mapstructure:"remove"`
}

// HeaderField is one field line.
type HeaderField struct {
	Name  string `mapstructure:"name" short:"string,value: …"`
	Value string `mapstructure:"value"`
}

// RouteTimeouts bound one exchange of a route.
type RouteTimeouts struct {
	Request time.Duration `mapstructure:"request" short:"string"` // head received to response head sent; 504 after it
	Idle    time.Duration `mapstructure:"idle"`                   // longest silence of the upstream within a body
}

// RouteLimits bound what a route takes.
type RouteLimits struct {
	RequestBody Size `mapstructure:"request_body" short:"string"` // 413 above; 0: no limit
	InFlight    int  `mapstructure:"in_flight" short:"number"`    // requests at once, 503 above; 0: no limit
}

// Upstream is one logical backend.
type Upstream struct {
	ID          string           `mapstructure:"id"`
	Endpoints   []Endpoint       `mapstructure:"endpoints" one:"it"` // all of them http or all https
	Protocol    Protocol         `mapstructure:"protocol"`           // h1, h2, h2c or auto
	TLS         *UpstreamTLS     `mapstructure:"tls"`                // with https
	Service     string           `mapstructure:"service" one:"it"`   // of Kubernetes, namespace/name:port: its pods are the endpoints
	Discovery   Discovery        `mapstructure:"discovery"`          // off, dns: each address of a name is an endpoint, or srv
	Every       time.Duration    `mapstructure:"every"`              // between two looks at a name
	Balance     Balance          `mapstructure:"balance"`            // how one of them is chosen
	Connections int              `mapstructure:"connections"`        // at most, to each endpoint
	Timeouts    UpstreamTimeouts `mapstructure:"timeouts"`

	HashBy      *HashBy         `mapstructure:"hash_by"`      // with consistent_hash
	BoundedLoad Percent         `mapstructure:"bounded_load"` // likewise: in flight at an endpoint at most, of its share of all; 0: no limit
	Sticky      *Sticky         `mapstructure:"sticky"`       // with sticky
	Zone        *ZonePreference `mapstructure:"zone"`         // nil: zones do not matter
	SlowStart   SlowStart       `mapstructure:"slow_start"`

	Health   *HealthCheck `mapstructure:"health"` // nil: endpoints are not asked
	Ejection Ejection     `mapstructure:"ejection"`

	Retries   Retries        `mapstructure:"retries"`
	Limits    UpstreamLimits `mapstructure:"limits"`
	KeepAlive KeepAlive      `mapstructure:"keep_alive"`
}

// UpstreamTimeouts bound one exchange with an endpoint.
type UpstreamTimeouts struct {
	Connect  time.Duration `mapstructure:"connect"`  // of all attempts at a connection
	TLS      time.Duration `mapstructure:"tls"`      // of a handshake
	Response time.Duration `mapstructure:"response"` // last byte of the request to the response head
	Idle     time.Duration `mapstructure:"idle"`     // of a kept-alive connection
	Total    time.Duration `mapstructure:"total"`    // until the last byte of the response; 0: any
}
