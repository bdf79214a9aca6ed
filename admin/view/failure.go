package view

import "strings"

// failures say what the words of the closed set of failures mean for the request at hand.
var failures = map[string]string{
	"no_route":        "no route takes this host, path and method, and what is not configured is not reachable",
	"access_denied":   "the access policy denies it",
	"banned":          "the client is banned",
	"rate_limited":    "a limit of the access policy is used up",
	"challenged":      "the client has to solve a challenge first",
	"unauthenticated": "the access policy wants a token",

	"clear_text":                     "the route has https: require, and the client does not speak TLS",
	"misdirected":                    "the connection's handshake was for a host that asks clients for something else",
	"client_certificate_missing":     "the route wants a client certificate, and there was none",
	"client_certificate_untrusted":   "the client certificate is from no authority that the listener knows",
	"client_certificate_expired":     "the client certificate has expired, or is not valid yet",
	"client_certificate_revoked":     "the client certificate is revoked",
	"client_certificate_not_allowed": "the client certificate is of nobody whom the route lets in",

	"request_body":     "the body is larger than the route's limits.request_body",
	"inspection_limit": "the body is larger than the policy's request_body.limit, which has oversize: reject",
	"content_coding":   "the body is in a content coding that cannot be undone",
	"grpc_framing":     "the body of a call of gRPC is not made of messages",
	"truncated":        "the body is shorter than Content-Length says, or the head has no end",
	"method_refused":   "this method is never forwarded",
	"syntax":           "this is not a valid request",
	"host_missing":     "the request has no Host field",
	"target_form":      "the target is neither a path, which begins with /, nor http://host/path",
	"method":           "the first word of the request is not a method",

	"proxy_protocol_missing":   "the PROXY protocol header lacks",
	"proxy_protocol_untrusted": "a PROXY protocol header came from a stranger",
	"proxy_protocol_malformed": "the PROXY protocol header cannot be read",

	"head_timeout":           "the client sent the head too slowly (timeout.head)",
	"body_timeout":           "the client was silent within the body for too long (timeout.body)",
	"body_rate":              "the client sent the body too slowly (limits.rate)",
	"connections":            "the pod has as many connections as limits.connections allows",
	"connections_per_client": "the client has as many connections as limits.connections_per_client allows",
	"in_flight":              "the route has as many requests at once as its limit allows",
	"memory":                 "there was no room for the body in limits.memory",
	"overload":               "too many requests of this route wait for their inspection",
	"budget":                 "the inspection costs more CPU time than the policy's inspection_budget",
	"engine":                 "the rule engine failed; the policy says what happens then (on_error)",
	"panic":                  "Wafer itself failed on this request, which the log tells of",
	"client_gone":            "the client left before it had an answer",
	"shutdown":               "it was cut, since shutdown_grace was over",

	"connect":                "no endpoint of the upstream takes connections",
	"connect_timeout":        "no endpoint of the upstream took a connection within timeouts.connect",
	"name":                   "the name of the upstream's endpoint has no address, or DNS does not answer",
	"none":                   "nobody has said where an endpoint of the upstream is, or there is none",
	"discovery":              "the API server does not tell where the pods of the upstream's Service are",
	"resources":              "this pod has no file descriptor, port or memory left for a connection to the upstream",
	"timeout":                "the upstream did not begin its answer within timeouts.response",
	"request_timeout":        "the upstream did not begin its answer within the route's timeouts.request",
	"total_timeout":          "the answer was not whole within timeouts.total",
	"idle_timeout":           "the upstream was silent within a body for the route's timeouts.idle",
	"malformed":              "the upstream's answer was no valid HTTP",
	"busy":                   "all connections to the upstream are taken, or as many requests in flight as its limits allow",
	"queue_full":             "as many requests wait for the upstream as limits.queue allows",
	"queue_timeout":          "no place at the upstream got free within limits.queue_timeout",
	"status":                 "another endpoint was asked because of the status",
	"closed":                 "the upstream closed the connection before it answered",
	"tls_name":               "the certificate of the upstream's endpoint is for somebody else",
	"tls_expired":            "the certificate of the upstream's endpoint has expired, or is not valid yet",
	"tls_authority":          "the certificate of the upstream's endpoint is from nobody in its tls.ca",
	"tls_certificate":        "the certificate of the upstream's endpoint may not be used for this",
	"tls_client_certificate": "the upstream's endpoint does not accept the tier's certificate, or wants one and there is none",
	"tls_timeout":            "the TLS handshake with the upstream's endpoint did not end within timeouts.tls",
	"tls_handshake":          "the upstream's endpoint speaks no TLS, or no version or cipher that the tier speaks",
	"protocol":               "the upstream's endpoint does not speak the version of HTTP that its protocol says",
	"refused":                "the upstream's endpoint has no room for the request (HTTP/2)",
	"reset":                  "the upstream's endpoint has given the request up (HTTP/2)",
	"response_body":          "the answer broke off after its head was sent",
	"response_untaken":       "the client left, or was too slow, before it had the whole answer",
}

// Failure is a word of the closed set of failures, and what it means for a request.
func Failure(word, rule string) string {
	if word == "" {
		return Meaning(word, rule)
	}
	return word + ": " + Meaning(word, rule)
}

// Meaning says in a sentence what a word of the closed set of failures means for a request. Rule is that of the access policy
// that decided, if there was one.
func Meaning(word, rule string) string {
	text := failures[word]
	switch {
	case word == "":
		return "not told"
	case text != "":
	case strings.HasPrefix(word, "path_"):
		text = "two parsers could read this path in two ways (the route's path_readings and ambiguous_paths)"
	case strings.HasPrefix(word, "challenge_"):
		text = "the answer to a challenge was not accepted"
	default:
		text = `"Closed sets" in docs/operations.md says what ` + word + " is, and docs/security.md what those about framing, head and target are"
	}
	if rule != "" {
		text += " (access_rule " + rule + ")"
	}
	return text
}
