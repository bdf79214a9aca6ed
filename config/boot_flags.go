package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/spf13/pflag"
)

// setting is one boot setting: the same value as a flag, a variable and a key.
type setting struct {
	flag  string
	path  string // key path in the boot file
	usage string
}

// fileOnly are the key paths of what is too much for a flag or a variable.
var fileOnly = []string{"listeners", "masking.patterns", "events.sinks", "admin_tls.read", "admin_tls.operate", "records.file"}

// settings lists all boot settings in the order of help and documentation.
var settings = []setting{
	{"listen", "listen", "address of the traffic listener, host:port"},
	{"admin", "admin", "address of the admin listener, host:port; empty: none"},
	{"admin-hosts", "admin_hosts", "names by which the admin listener is asked, beside addresses, names without a dot and those of the cluster (.svc, .cluster.local)"},
	{"admin-profiles", "admin_profiles", "give profiles to who is not on the same machine, too"},
	{"admin-tokens", "admin_tokens", "file with the hashes of the admin listener's tokens, lines of wafer admin-token; empty: only who is on the same machine may operate, and everybody may read"},
	{"admin-closed", "admin_closed", "what of the admin listener needs a token, too: metrics, standing"},
	{"admin-local-needs-token", "admin_local_needs_token", "let who is on the same machine operate only with a token, too"},
	{"admin-tls-cert", "admin_tls.cert", "file with the certificate of the admin listener, in PEM; empty: it speaks in clear text"},
	{"admin-tls-key", "admin_tls.key", "file with its key"},
	{"admin-tls-client-ca", "admin_tls.client_ca", "files with the authorities of clients' certificates, which give the roles of admin_tls.read and admin_tls.operate"},
	{"admin-tls-client-crl", "admin_tls.client_crl", "files with lists of certificates that they have revoked"},
	{"admin-tls-peer-ca", "admin_tls.peer_ca", "files with the authorities of other replicas' admin listeners; empty: those of clients, or those of the system"},
	{"admin-tls-server-name", "admin_tls.server_name", "name in the certificates of other replicas' admin listeners; empty: the host by which they are found"},
	{"admin-peers", "admin_peers", "admin listeners of all pods, host:port, which the admin API asks for the whole tier; a name stands for all its addresses; empty: those of last_good.peers"},
	{"admin-peer-token", "admin_peer_token", "file whose first line is the token of the role read that pods show each other; empty: they know each other by address"},
	{"hold", "hold", "Unix socket of a wafer hold, which keeps the traffic listener's socket when this process is killed; empty: none"},
	{"routes", "routes", "route file"},
	{"to", "to", "send everything to http://host:port under the default policy, instead of a route file"},
	{"log-level", "log.level", "least level that is logged: debug, info, warn or error"},
	{"log-format", "log.format", "auto (console on a terminal, else json), json or console"},
	{"log-access", "log.access", "access events: all (one per request) or off (only those refused or failed)"},
	{"events-format", "events.stdout.format", "how events look on standard output, if they are JSON: native, ocsf or ecs; off: none are written there"},
	{"reload-interval", "reload.interval", "how often the route file is read for changes; 0: only on SIGHUP and POST /-/reload"},
	{"reload-jitter", "reload.jitter", "longest wait, by chance, before a changed route file is loaded: replicas that share it do not all compile at once"},
	{"mask-names", "masking.names", "names of fields whose values are secret, beside those that tell so anyway"},
	{"mask-headers", "masking.headers", "header fields whose values are secret"},
	{"mask-cookies", "masking.cookies", "names of cookies, whose values are secret in queries and bodies, too"},
	{"mask-json-paths", "masking.json_paths", "places in JSON whose values are secret: user.email, items[*].iban, **.birthday"},
	{"mask-email", "masking.email", "mask addresses of e-mail, too"},
	{"mask-key-file", "masking.key_file", "file with a key, by which what stands in the place of a secret carries a hash; empty: it carries none"},
	{"metrics-aliases", "metrics.aliases", "sets of metrics under names that dashboards of others know, beside those of wafer: coraza_operator"},
	{"records-sink", "records.sink", "id of a sink of events that records go to, instead of a file; empty: none"},
	{"records-memory", "records.memory", "memory for records that are being captured or wait to be written; what finds none is lost, and counted"},
	{"last-good-dir", "last_good.dir", "folder that keeps the configuration in force for the next start, in case the files are refused then; empty: none"},
	{"last-good-peers", "last_good.peers", "admin listeners, host:port, of processes with the same files, which are asked for their configuration in that case; a name stands for all its addresses"},
	{"kubernetes-events", "kubernetes_events", "tell Kubernetes of refused files by events and a condition of the pod"},
	{"store-addresses", "store.addresses", "Redis or Valkey, host:port, where replicas keep what they share, separated by commas; empty: each has its own"},
	{"store-mode", "store.mode", "one (a server, or a name behind which there is one), sentinel or cluster"},
	{"store-master", "store.master", "what the sentinels call the server"},
	{"store-user", "store.user", "user of the store; empty: the default one"},
	{"store-password-file", "store.password_file", "file whose first line is the store's password, read anew for every connection"},
	{"store-sentinel-password-file", "store.sentinel_password_file", "file whose first line is the sentinels' password"},
	{"store-tls", "store.tls.use", "on secures connections to the store by TLS; off"},
	{"store-tls-ca", "store.tls.ca", "file of the authorities that the store's certificate may be from; empty: those of the system"},
	{"store-tls-cert", "store.tls.cert", "file of the certificate that the store is shown; empty: none"},
	{"store-tls-key", "store.tls.key", "file of its key"},
	{"store-tls-server-name", "store.tls.server_name", "name in the store's certificate; empty: the host of its address"},
	{"store-db", "store.db", "number of the store's database"},
	{"store-prefix", "store.prefix", "beginning of all keys in the store: tiers that shall not share have different ones"},
	{"store-timeout", "store.timeout", "how long an operation of the store may take, for which a request may wait"},
	{"store-connect-timeout", "store.connect_timeout", "how long connecting to the store may take, for which no request waits longer than for an operation"},
	{"store-connections", "store.connections", "connections to the store at most"},
	{"recent-memory", "recent.memory", "memory for the latest events, which the admin API and the page show; taken as events come; 0: none are kept"},
	{"traces-endpoint", "traces.endpoint", "collector that takes traces by OTLP, https://host:port or http://host:port; empty: there are none"},
	{"traces-protocol", "traces.protocol", "grpc (usually port 4317) or http (4318, path /v1/traces)"},
	{"traces-headers-file", "traces.headers_file", "file with header fields for the collector, one NAME: VALUE a line; read anew when it changes"},
	{"traces-compression", "traces.compression", "gzip or none"},
	{"traces-tls-ca", "traces.tls.ca", "file of the authorities that the collector's certificate may be from; empty: those of the system"},
	{"traces-tls-cert", "traces.tls.cert", "file of the certificate that the collector is shown; empty: none"},
	{"traces-tls-key", "traces.tls.key", "file of its key"},
	{"traces-tls-server-name", "traces.tls.server_name", "name in the collector's certificate; empty: the host of its address"},
	{"traces-service", "traces.service", "name of the tier in traces"},
	{"traces-sample", "traces.sample", "share of the requests that are traced, of those whose sender does not decide"},
	{"traces-blocked", "traces.blocked", "trace requests that a policy blocks, too"},
	{"traces-parents", "traces.parents", "whose Traceparent, Tracestate and Baggage are believed: trusted (proxies) or all"},
	{"traces-queue", "traces.queue", "spans that may wait for the collector, 512 to 1000000"},
	{"limit-connections", "limits.connections", "open client connections at most; one of HTTP/2 counts as three, and each of its requests beside another as two"},
	{"limit-connections-per-client", "limits.connections_per_client", "open connections of one IPv4 address or IPv6 /64 at most; 0: no limit"},
	{"limit-head", "limits.head", "request line and header section at most, 4KiB to 1MiB"},
	{"limit-rate", "limits.rate", "bytes per second that a client may not fall below for long, sending or receiving; 0: no limit"},
	{"limit-inspections", "limits.inspections", "inspections at once, more wait in a short queue; 0: one per CPU and one more"},
	{"limit-memory", "limits.memory", "memory for all bodies under inspection together, 4MiB at least; 0: half of what GOMEMLIMIT or the container leaves"},
	{"limit-http2-streams", "limits.http2.streams", "HTTP/2: requests of one connection at once"},
	{"limit-http2-resets", "limits.http2.resets", "HTTP/2: requests that a connection may take back, beyond as many as are answered"},
	{"limit-http2-control-frames", "limits.http2.control_frames", "HTTP/2: frames without content that a connection may send, beyond those that responses and time explain"},
	{"limit-http2-window", "limits.http2.window", "HTTP/2: bytes of a body that may come before anybody reads it, 16KiB to 1MiB; a connection may hold four times as much"},
	{"timeout-head", "timeout.head", "how long a client may take to send the head of a request"},
	{"timeout-body", "timeout.body", "how long a client may be silent within a request body"},
	{"timeout-write", "timeout.write", "how long a client may take nothing of a response"},
	{"timeout-idle", "timeout.idle", "how long a client connection may wait for its next request"},
	{"http2", "http2", "on speaks HTTP/2 with clients that begin with it; off"},
	{"trusted-proxies", "trusted_proxies", "networks whose forwarding headers and request ids are believed, separated by commas"},
	{"proxy-protocol", "proxy_protocol", "on expects a PROXY protocol header (version 1 or 2) on connections of trusted proxies; off"},
	{"client-address-header", "client_address_header", "field in which trusted proxies say whom a request is from: X-Forwarded-For, Forwarded, or one with addresses"},
	{"forwarded-header", "forwarded_header", "add the header field Forwarded (RFC 7239) to what upstreams get"},
	{"drain-delay", "drain_delay", "how long to keep accepting after SIGTERM while reported as not ready"},
	{"shutdown-grace", "shutdown_grace", "how long requests in flight may take after that"},
}

const (
	configFlag     = "config"
	configVariable = envPrefix + "CONFIG"
	configUsage    = "boot file with these settings; flags and " + envPrefix + "* variables win over it"
)

// BootFlags defines the flags of all boot settings and --config on fs. Their values are
// read and checked by LoadBoot, so that all mistakes are reported together.
func BootFlags(fs *pflag.FlagSet) {
	fs.Var(&textFlag{kind: "file"}, configFlag, configUsage)
	defaults := DefaultBoot()
	for _, s := range settings {
		v := valueAt(reflect.ValueOf(defaults), s.path)
		fs.Var(&textFlag{text: formatValue(v), kind: flagKind(v.Type())}, s.flag, s.usage)
		if v.Kind() == reflect.Bool {
			fs.Lookup(s.flag).NoOptDefVal = "true" // the flag alone says yes
		}
	}
}

// VisitFlags calls f for each flag of fs, in the order of their names, with the kind of its value.
func VisitFlags(fs *pflag.FlagSet, f func(name, kind string)) {
	fs.VisitAll(func(flag *pflag.Flag) { f(flag.Name, flag.Value.Type()) })
}

// textFlag keeps the text of a flag for LoadBoot. It implements pflag.Value.
type textFlag struct{ text, kind string }

func (f *textFlag) String() string { return f.text }
func (f *textFlag) Type() string   { return f.kind }
func (f *textFlag) Set(text string) error {
	f.text = text
	return nil
}

// flagKind names a type in help texts.
func flagKind(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t == sizeType:
		return "size"
	case t.Kind() == reflect.Slice:
		return "list"
	default:
		return t.Kind().String()
	}
}

// valueAt returns the field of a struct value at a key path.
func valueAt(v reflect.Value, path string) reflect.Value {
	for key := range strings.SplitSeq(path, ".") {
		found := false
		for _, f := range fieldsOf(v.Type()) {
			if f.key == key {
				v, found = v.Field(f.index), true
				break
			}
		}
		if !found {
			panic("BUG: no such key path: " + path)
		}
	}
	return v
}

// formatValue writes a value the way it is written in a flag or variable.
func formatValue(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		items := make([]string, v.Len())
		for i := range items {
			items[i] = formatValue(v.Index(i))
		}
		return strings.Join(items, ",")
	}
	if v.Type() == durationType {
		return formatDuration(v.Interface().(fmt.Stringer).String())
	}
	return fmt.Sprint(v.Interface())
}

// formatDuration shortens what time.Duration.String writes: 1m0s to 1m.
func formatDuration(text string) string {
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
