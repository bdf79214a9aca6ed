package importer

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What the environment of a container of the Core Rule Set's images says (owasp/modsecurity-crs, nginx and Apache)
// becomes the directives that the image makes of it.

// imageDefaults are what the images are set to.
const imageDefaults = `SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyLimitAction Reject
SecResponseBodyAccess On
SecResponseBodyLimit 1048576
SecResponseBodyMimeType text/plain text/html text/xml
`

// byVariable are variables and the directives that they stand for. "%s" is the value.
var byVariable = map[string]string{
	"MODSEC_RULE_ENGINE": "SecRuleEngine %s", "MODSEC_REQ_BODY_ACCESS": "SecRequestBodyAccess %s", "MODSEC_REQ_BODY_LIMIT": "SecRequestBodyLimit %s",
	"MODSEC_REQ_BODY_LIMIT_ACTION": "SecRequestBodyLimitAction %s", "MODSEC_REQ_BODY_NOFILES_LIMIT": "SecRequestBodyNoFilesLimit %s",
	"MODSEC_REQ_BODY_JSON_DEPTH_LIMIT": "SecRequestBodyJsonDepthLimit %s", "MODSEC_ARGUMENTS_LIMIT": "SecArgumentsLimit %s",
	"MODSEC_RESP_BODY_ACCESS": "SecResponseBodyAccess %s", "MODSEC_RESP_BODY_LIMIT": "SecResponseBodyLimit %s",
	"MODSEC_RESP_BODY_LIMIT_ACTION": "SecResponseBodyLimitAction %s", "MODSEC_RESP_BODY_MIMETYPE": "SecResponseBodyMimeType %s",
	"MODSEC_DEFAULT_PHASE1_ACTION": `SecDefaultAction "%s"`, "MODSEC_DEFAULT_PHASE2_ACTION": `SecDefaultAction "%s"`,
}

// crsVariables are variables and those of crs-setup.conf that they set. Of two that set the same the later counts.
var crsVariables = []struct{ env, tx string }{
	{"PARANOIA", "blocking_paranoia_level"}, {"BLOCKING_PARANOIA", "blocking_paranoia_level"},
	{"EXECUTING_PARANOIA", "detection_paranoia_level"}, {"DETECTION_PARANOIA", "detection_paranoia_level"},
	{"ANOMALY_INBOUND", "inbound_anomaly_score_threshold"}, {"ANOMALYIN", "inbound_anomaly_score_threshold"},
	{"ANOMALY_OUTBOUND", "outbound_anomaly_score_threshold"}, {"ANOMALYOUT", "outbound_anomaly_score_threshold"},
	{"ENFORCE_BODYPROC_URLENCODED", "enforce_bodyproc_urlencoded"}, {"VALIDATE_UTF8_ENCODING", "crs_validate_utf8_encoding"},
	{"ALLOWED_METHODS", "allowed_methods"}, {"ALLOWED_REQUEST_CONTENT_TYPE", "allowed_request_content_type"},
	{"ALLOWED_REQUEST_CONTENT_TYPE_CHARSET", "allowed_request_content_type_charset"}, {"ALLOWED_HTTP_VERSIONS", "allowed_http_versions"},
	{"RESTRICTED_EXTENSIONS", "restricted_extensions"}, {"RESTRICTED_HEADERS", "restricted_headers_basic"},
	{"RESTRICTED_HEADERS_BASIC", "restricted_headers_basic"}, {"RESTRICTED_HEADERS_EXTENDED", "restricted_headers_extended"},
	{"MAX_NUM_ARGS", "max_num_args"}, {"ARG_NAME_LENGTH", "arg_name_length"}, {"ARG_LENGTH", "arg_length"}, {"TOTAL_ARG_LENGTH", "total_arg_length"},
	{"MAX_FILE_SIZE", "max_file_size"}, {"COMBINED_FILE_SIZES", "combined_file_sizes"},
	{"REPORTING_LEVEL", "reporting_level"}, {"SKIP_RESPONSE_ANALYSIS", "crs_skip_response_analysis"}, {"STATIC_EXTENSIONS", "static_extensions"},
}

// leftVariables says why others are not carried.
var leftVariables = []struct {
	names *regexp.Regexp
	level Level
	why   string
}{
	{regexp.MustCompile(`^(SET_REAL_IP_FROM|REAL_IP_|REMOTEIP_INT_PROXY)`), Decide, "whose word counts on where a request is from is said by trusted_proxies and client_address_header of the boot file"},
	{regexp.MustCompile(`^(CORS_|NGINX_.*_HEADER|PROXY_PRESERVE_HOST|PROXY_ERROR_OVERRIDE|ADD_HEADER)`), Decide, "request_headers and response_headers of a route may do"},
	{regexp.MustCompile(`SSL|TLS|HTTPS|^H2_PROTOCOLS$|HTTP2|HTTP3`), Told, "TLS ends in front of the tier, or at its listeners of the boot file"},
	{regexp.MustCompile(`^BACKEND_WS$`), Decide, "WebSockets pass where a route says websocket: allow"},
	{regexp.MustCompile(`^MANUAL_MODE$`), Decide, "the container had a crs-setup.conf of its own: import that file, too"},
	{regexp.MustCompile(`^(CRS_DISABLE_PLUGINS|CRS_ENABLE_TEST_MARKER|MODSEC_TAG)$`), Told, "it has no effect here"},
	{regexp.MustCompile(`^(MODSEC_AUDIT|MODSEC_DEBUG|MODSEC_STATUS|ACCESSLOG|ERRORLOG|LOGLEVEL|METRICS|METRICSLOG|APACHE_.*LOG|LOG_|NOLOGGING)`), Told, "the tier writes its own events and has metrics of its own"},
	{regexp.MustCompile(`^(MODSEC_|PORT$|USER$|GROUP$|DNS_SERVER|RESOLVER|RESOLVERS|KEEPALIVE|WORKER_|TIMEOUT$|SERVER_ADMIN|SERVER_TOKENS|SERVERNAME$|SERVERSIGNATURE|REQ_HEADER_FORWARDED_PROTO|TZ$|LD_LIBRARY_PATH|PATH$|HOME$|HOSTNAME$)`), Told, "the tier has its own way"},
}

// environment makes a site of variables.
func environment(id, where string, env map[string]string) (Site, Notes) {
	s := Site{ID: id, Where: where, CRS: true, Texts: []Text{{Name: where + ": defaults of the image", Text: imageDefaults}}}
	var notes Notes
	known := map[string]bool{}
	for _, v := range crsVariables {
		known[v.env] = true
		if value := env[v.env]; value != "" && value != "unlimited" {
			s.Texts = append(s.Texts, Text{Name: where + ": " + v.env, Text: fmt.Sprintf(`SecAction "id:900000,phase:1,nolog,pass,t:none,setvar:'tx.%s=%s'"`, v.tx, strings.ReplaceAll(value, `\|`, "|"))})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := env[name]
		directive, isDirective := byVariable[name]
		switch {
		case known[name] || value == "":
		case isDirective:
			s.Texts = append(s.Texts, Text{Name: where + ": " + name, Text: fmt.Sprintf(directive, strings.ReplaceAll(value, `\'`, `'`))})
		case name == "BACKEND" || name == "PROXYLOCATION":
			to, err := endpoint(strings.TrimSuffix(value, "/"))
			if err != nil {
				notes.Add(Decide, where+": "+name, "%v", err)
				continue
			}
			s.To = []string{to}
		case name == "SERVER_NAME":
			if value != "localhost" && value != "_" {
				s.Hosts = strings.Fields(value)
			}
		case name == "PROXY_TIMEOUT":
			s.Response = strings.TrimSuffix(value, "s") + "s"
		default:
			notes.left(where+": "+name, name, value)
		}
	}
	return s, notes
}

func (n *Notes) left(where, name, value string) {
	for _, v := range leftVariables {
		if v.names.MatchString(name) {
			n.Add(v.level, where, "%s is not carried: %s", oneLine(value), v.why)
			return
		}
	}
	n.Add(Decide, where, "%s is not carried: no image is known to read it", oneLine(value))
}

// dotenv reads lines of NAME=VALUE, as docker's --env-file and shells have them.
func dotenv(text string) map[string]string {
	env := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, value, ok := strings.Cut(line, "=")
		if ok && !strings.HasPrefix(line, "#") {
			env[strings.TrimSpace(name)] = unquoted(strings.TrimSpace(value))
		}
	}
	return env
}

func unquoted(s string) string {
	if len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// containers finds the containers of the images in a manifest of Kubernetes or of Compose, by what stands around them.
func containers(name string, n *yaml.Node, label string, found func(container)) {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		containers(name, n.Content[i+1], n.Content[i].Value, found)
	}
	if n.Kind != yaml.MappingNode {
		for _, item := range n.Content {
			containers(name, item, label, found)
		}
		return
	}
	image := scalar(n, "image")
	if !strings.Contains(image, "modsecurity-crs") {
		return
	}
	id := scalar(n, "name")
	if id == "" {
		id = label
	}
	c := container{id: id, where: fmt.Sprintf("%s: %s", name, id), env: map[string]string{}}
	for _, key := range []string{"environment", "env"} {
		variables(at(n, key), c.env)
	}
	c.mounts = append(mounts(at(n, "volumes")), mounts(at(n, "volumeMounts"))...)
	c.envFiles = envFiles(at(n, "env_file"))
	c.envFrom = at(n, "envFrom") != nil
	found(c)
}

// variables reads a mapping, a list of NAME=VALUE, or one of name and value.
func variables(n *yaml.Node, env map[string]string) {
	if n == nil {
		return
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			env[n.Content[i].Value] = n.Content[i+1].Value
		}
		return
	}
	for _, item := range n.Content {
		if item.Kind == yaml.MappingNode {
			env[scalar(item, "name")] = scalar(item, "value")
			continue
		}
		name, value, _ := strings.Cut(item.Value, "=")
		env[name] = unquoted(value)
	}
}

// at returns what stands under a key of a mapping, or nil.
func at(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func scalar(n *yaml.Node, key string) string {
	if v := at(n, key); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}
