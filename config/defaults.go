package config

import "time"

// DefaultPolicyID is the policy of a route that names none.
const DefaultPolicyID = "default"

// DefaultBoot returns the settings of a process that is told nothing. It names neither a
// route file nor a backend, so it is not complete.
func DefaultBoot() Boot {
	return Boot{
		Listen:  ":8080",
		Admin:   ":9090",
		Log:     Log{Level: "info", Format: "auto", Access: "all"},
		Events:  Events{Stdout: EventsStdout{Format: StdoutNative}},
		Records: RecordsOutput{Memory: 16 * MiB},
		Reload:  Reload{Interval: 5 * time.Second},
		HTTP2:   "on",
		Recent:  Recent{Memory: 16 * MiB},
		Traces:  Traces{Protocol: "grpc", Compression: "gzip", Service: "wafer", Sample: Million / 100, Blocked: true, Parents: "trusted", Queue: 8192},
		Store: Store{
			Mode: "one", TLS: StoreTLS{Use: Off}, Prefix: "wafer:", Timeout: 50 * time.Millisecond, ConnectTimeout: time.Second, Connections: 16,
		},
		Limits: Limits{
			Connections: 10_000, Head: 32 * KiB, Rate: 512,
			HTTP2: HTTP2Limits{Streams: 100, Resets: 100, ControlFrames: 1000, Window: 64 * KiB},
		},
		Timeout: Timeout{
			Head:  10 * time.Second,
			Body:  30 * time.Second,
			Write: 30 * time.Second,
			Idle:  75 * time.Second,
		},
		ProxyProtocol:       "off",
		ClientAddressHeader: "X-Forwarded-For",
		DrainDelay:          5 * time.Second,
		ShutdownGrace:       30 * time.Second,
	}
}

// DefaultRoute returns what a route is before the file says anything about it.
func DefaultRoute() Route {
	return Route{
		Policy:       DefaultPolicyID,
		Access:       DefaultAccessID,
		Record:       DefaultRecordingID,
		WebSocket:    WebSocketDeny,
		PathReadings: ReadingsAgree,
		Timeouts:     RouteTimeouts{Request: 60 * time.Second, Idle: 60 * time.Second},
		HTTPS:        HTTPSOptional,
		HTTPSPort:    443,

		ForwardClient: ForwardNothing,
	}
}

// DefaultWeight is the weight of a route's upstream that names none.
const DefaultWeight = 1

// DefaultRedirectStatus is the status of a redirect that names none.
const DefaultRedirectStatus = 302

// DefaultUpstream returns what an upstream is before the file says anything about it.
func DefaultUpstream() Upstream {
	return Upstream{
		Protocol:    ProtocolH1,
		Discovery:   DiscoveryOff,
		Every:       DefaultEvery,
		Balance:     LeastRequest,
		BoundedLoad: 125,
		SlowStart:   SlowStart{Least: 10},
		Connections: 512,
		Timeouts: UpstreamTimeouts{
			Connect:  2 * time.Second,
			TLS:      2 * time.Second,
			Response: 30 * time.Second,
			Idle:     60 * time.Second,
		},
		Ejection:  DefaultEjection(),
		Retries:   DefaultRetries(),
		Limits:    UpstreamLimits{QueueTimeout: time.Second},
		KeepAlive: KeepAlive{Age: 5 * time.Minute, Jitter: 20},
	}
}

// DefaultPolicy returns the policy that every policy without "inherits" starts from.
// Unless the file defines a policy "default", it is also what routes without a policy
// get. The CRS values are those that REQUEST-901-INITIALIZATION.conf of CRS 4.25 sets,
// but for the methods PUT, PATCH and DELETE, which APIs need; the media types of requests,
// all of which are read; the field Content-Encoding, whose codings are undone; and the field
// Expect, which the tier answers itself and does not forward.
func DefaultPolicy() Policy {
	p := Policy{
		ID:             DefaultPolicyID,
		Mode:           ModeBlock,
		Paranoia:       Paranoia{Blocking: 1, Detection: 1},
		Thresholds:     Thresholds{Inbound: 5, Outbound: 4},
		ReportingLevel: 4,
		CRS: CRS{
			AllowedMethods:      []string{"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"},
			AllowedCharsets:     []string{"utf-8", "iso-8859-1", "iso-8859-15", "windows-1252"},
			AllowedHTTPVersions: []string{"HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/2.0", "HTTP/3", "HTTP/3.0"},
			RestrictedExtensions: []string{
				".ani", ".asa", ".asax", ".ascx", ".back", ".backup", ".bak", ".bck", ".bk", ".bkp",
				".bat", ".cdx", ".cer", ".cfg", ".cmd", ".cnf", ".com", ".compositefont", ".config",
				".conf", ".copy", ".crt", ".cs", ".csproj", ".csr", ".dat", ".db", ".dbf", ".dist", ".dll",
				".dos", ".dpkg-dist", ".drv", ".gadget", ".hta", ".htr", ".htw", ".ida", ".idc", ".idq",
				".inc", ".inf", ".ini", ".jks", ".jse", ".key", ".licx", ".lnk", ".log", ".mdb", ".msc",
				".ocx", ".old", ".pass", ".pdb", ".pfx", ".pif", ".pem", ".pol", ".prf", ".printer",
				".pwd", ".rdb", ".rdp", ".reg", ".resources", ".resx", ".sav", ".save", ".scr", ".sct",
				".sh", ".shs", ".sql", ".sqlite", ".sqlite3", ".swap", ".swo", ".swp", ".sys", ".temp",
				".tfstate", ".tlb", ".tmp", ".vb", ".vbe", ".vbs", ".vbproj", ".vsdisco", ".vxd",
				".webinfo", ".ws", ".wsc", ".wsf", ".wsh", ".xsd", ".xsx",
			},
			RestrictedHeaders: []string{
				"proxy", "lock-token", "content-range", "if",
				"x-http-method-override", "x-http-method", "x-method-override",
				"x-middleware-subrequest",
			},
			RestrictedHeadersExtended: []string{"accept-charset"},
			CriticalAnomalyScore:      5,
			ErrorAnomalyScore:         4,
			WarningAnomalyScore:       3,
			NoticeAnomalyScore:        2,
		},
		RequestBody: RequestBody{
			Inspect: true, Limit: 1 * MiB, Oversize: Reject, Undecodable: Reject, XMLDoctype: DoctypeRefuse, Files: FilesActive,
		},
		ResponseBody: ResponseBody{
			Limit:     512 * KiB,
			MIMETypes: []string{"text/html", "text/plain", "text/xml", "application/json", "application/problem+json"},
		},
		GRPC:       GRPC{UnknownFields: UnknownInspect},
		Block:      Block{Status: 403, HTML: defaultBlockHTML, JSON: defaultBlockJSON},
		OnError:    Deny,
		OnOverload: Deny,

		InspectionBudget: 250 * time.Millisecond, OnBudget: Deny,

		Screen: On, ScreenVerify: 0.0001,
		Sources: map[string]string{},
	}
	for _, path := range policySettings() {
		p.Sources[path] = DefaultPolicyID
	}
	return p
}

// defaultBlockHTML names no product and shows nothing but the request id.
const defaultBlockHTML = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Request blocked</title>
<style>
:root { color-scheme: light dark }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 34rem; padding: 2rem }
h1 { margin: 0; font-size: 1.5rem; font-weight: 600 }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere }
</style>
</head>
<body>
<main>
<h1>This request was blocked</h1>
<p>It looks like something this site does not accept. If you think that is a mistake,
please contact the site&#39;s owner and quote this id:</p>
<p><code>{{request_id}}</code></p>
</main>
</body>
</html>
`

const defaultBlockJSON = `{"type":"about:blank","title":"Request blocked","status":{{status}},"request_id":"{{request_id}}"}`
