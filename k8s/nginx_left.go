package k8s

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/importer"
)

// leftOver notes the annotations that nobody has looked at.
func (im *nginx) leftOver(a *annotated) {
	for _, key := range slices.Sorted(maps.Keys(a.values)) {
		if !a.seen[key] {
			im.notCarried("Ingress "+a.Namespace+"/"+a.Name, key, a.values[key])
		}
	}
}

// notCarried tells of an annotation, or of a key of the controller's ConfigMap.
func (im *nginx) notCarried(where, key, value string) {
	left := notCarried{level: Decide, why: "the tier does not do this"}
	for _, k := range leftOver {
		if k.keys.MatchString(key) {
			left = k
			break
		}
	}
	to := &im.out.Notes
	if left.access {
		to = &im.access
	}
	why := left.why
	if strings.HasSuffix(key, "-source-range") || key == "block-cidrs" {
		not := "!"
		if key == "denylist-source-range" || key == "block-cidrs" {
			not = ""
		}
		addresses := strings.Join(strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t\n", r) }), ",")
		why += ": SecRule REMOTE_ADDR \"" + not + "@ipMatch " + addresses + "\" \"id:100000,phase:1,deny,status:403\""
	}
	to.Add(importer.Level(left.level), where, "%s: %s is not carried: %s", key, oneLine(value), why)
}

// notCarried says why some keys are not carried. access is for those about who may do what.
type notCarried struct {
	keys   *regexp.Regexp
	level  Level
	access bool
	why    string
}

// leftOver are the keys of annotations and of the controller's ConfigMap.
var leftOver = []notCarried{
	{regexp.MustCompile(`^(whitelist|allowlist|denylist)-source-range$|^block-cidrs$`), Decide, true, "limit the addresses in front of the tier, or in rules_before of a policy with mode block"},
	{regexp.MustCompile(`^auth-tls-`), Decide, true, "client_certificate of a route asks clients for a certificate, with a listener of the tier that ends TLS"},
	{regexp.MustCompile(`^(auth-|enable-global-auth|satisfy|global-auth-|no-auth-locations)`), Decide, true, "the tier does not authenticate, so what asked for a login is open unless something else asks"},
	{regexp.MustCompile(`^block-(user-agents|referers)$`), Decide, true, "a rule in rules_before of a policy with mode block does this, on REQUEST_HEADERS:User-Agent or REQUEST_HEADERS:Referer"},
	{regexp.MustCompile(`^(configuration|server|stream|auth|http|location|main)-snippet$`), Decide, true, "text for nginx; look for who is let in, for headers and for redirects in it, which rules and routes have words for"},
	{regexp.MustCompile(`^(limit-|global-rate-limit)`), Decide, true, "the tier has no rate limits by client; limits.in_flight of a route bounds what is going on at once"},
	{regexp.MustCompile(`^(enable-cors|cors-)`), Decide, true, "the application, or response_headers of a route, has to answer"},
	{regexp.MustCompile(`^(use-forwarded-headers|compute-full-forwarded-for|enable-real-ip|proxy-real-ip-cidr|forwarded-for-header|forwarded-for-proxy-protocol-header|use-proxy-protocol)$`), Decide, true, "whose word counts on where a request is from is said by trusted_proxies, client_address_header and proxy_protocol of the boot file"},
	{regexp.MustCompile(`^(ssl-|force-ssl-redirect|preserve-trailing-slash|hsts|http2-|use-http2|http3|no-tls-redirect-locations|http-redirect-code|enable-ocsp)`), Told, false, "TLS ends in front of the tier, or at its listeners of the boot file; https and hsts of a route say what browsers are told"},
	{regexp.MustCompile(`^(affinity|session-cookie-|upstream-hash-by|load-balance)`), Decide, false, "the tier does not choose endpoints by client; a Service with sessionAffinity does, by address"},
	{regexp.MustCompile(`^proxy-next-upstream`), Told, false, "the tier tries again only what cannot have had an effect"},
	{regexp.MustCompile(`^proxy-ssl-`), Decide, false, "backend-protocol HTTPS or GRPCS is what makes TLS of it; tls of an upstream says it here"},
	{regexp.MustCompile(`^(custom-http-errors|default-backend|disable-proxy-intercept-errors)`), Decide, false, "answers of applications pass as they are; block.html and block.json of a policy are for what it blocks"},
	{regexp.MustCompile(`^(x-forwarded-prefix|proxy-cookie-|proxy-redirect|custom-headers|add-headers|hide-headers|proxy-set-headers|proxy-add-original-uri-header|server-tokens|allow-backend-server-header)`), Decide, false, "request_headers or response_headers of a route may do"},
	{regexp.MustCompile(`^(enable-underscores-in-headers|ignore-invalid-headers)$`), Told, false, "the tier refuses what two parsers may read in two ways, and passes the rest"},
	{regexp.MustCompile(`^(allow-snippet-annotations|annotations-risk-level|annotation-value-word-blocklist|strict-validate-path-type|disable-ingress-class-annotation)$`), Told, false, "it is about Ingresses, which are read as they are"},
	{regexp.MustCompile(`^(proxy-|client-|large-client-|service-upstream|connection-proxy-header|canary|keep-alive|upstream-keepalive|worker-|max-worker-|bind-address|disable-ipv6|reuse-port|resolver|map-hash|server-name|variables-hash|lua-|use-gzip|gzip-|enable-brotli|brotli-|enable-aio|retry-non-idempotent|nginx-status|debug-connections|limit-conn-zone)`), Told, false, "the tier has its own way"},
	{regexp.MustCompile(`(access-log|error-log|log-format|rewrite-log|opentracing|opentelemetry|otel|jaeger|zipkin|datadog|syslog|generate-request-id)`), Told, false, "the tier has its own way, and writes its own events"},
}

// oneLine is the start of a text, for notes.
func oneLine(s string) string {
	line, _, more := strings.Cut(strings.TrimSpace(s), "\n")
	if r := []rune(line); len(r) > 60 {
		line, more = string(r[:60]), true
	}
	if more {
		line += " …"
	}
	return line
}
