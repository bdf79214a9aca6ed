package file

import (
	"bytes"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Entries are those of a route file.
type Entries struct {
	Routes    []Route    `yaml:"routes"`
	Upstreams []Upstream `yaml:"upstreams"`
	Policies  []Policy   `yaml:"policies,omitempty"`
}

// Route is a route of the route file.
type Route struct {
	ID        string        `yaml:"id"`
	Hosts     []string      `yaml:"hosts,omitempty"`
	Paths     []PathMatch   `yaml:"paths,omitempty"`
	Methods   []string      `yaml:"methods,omitempty"`
	Headers   []HeaderMatch `yaml:"headers,omitempty"`
	Policy    string        `yaml:"policy,omitempty"`
	Upstreams []UpstreamRef `yaml:"upstreams,omitempty"`
	Redirect  *Redirect     `yaml:"redirect,omitempty"`
	Rewrite   *Rewrite      `yaml:"rewrite,omitempty"`
	Timeouts  *Timeouts     `yaml:"timeouts,omitempty"`
	WebSocket string        `yaml:"websocket,omitempty"`
	Limits    *Limits       `yaml:"limits,omitempty"`
}

// PathMatch is a path condition; one field is set.
type PathMatch struct {
	Exact  string `yaml:"exact,omitempty"`
	Prefix string `yaml:"prefix,omitempty"`
	Regex  string `yaml:"regex,omitempty"`
}

// HeaderMatch is a condition on a header field; one of Exact, Regex and Present is set.
type HeaderMatch struct {
	Name    string `yaml:"name"`
	Exact   string `yaml:"exact,omitempty"`
	Regex   string `yaml:"regex,omitempty"`
	Present bool   `yaml:"present,omitempty"`
}

// UpstreamRef names an upstream of a route. A nil weight is the default, 1.
type UpstreamRef struct {
	ID     string `yaml:"id"`
	Weight *int   `yaml:"weight,omitempty"`
}

// Redirect answers without an upstream.
type Redirect struct {
	Status int    `yaml:"status,omitempty"`
	Scheme string `yaml:"scheme,omitempty"`
	Host   string `yaml:"host,omitempty"`
	Path   string `yaml:"path,omitempty"`
}

// Rewrite changes what the upstream is asked for.
type Rewrite struct {
	Prefix string `yaml:"prefix,omitempty"`
	Path   string `yaml:"path,omitempty"`
	Host   string `yaml:"host,omitempty"`
}

// Timeouts are those of a route, or of an upstream; each with its unit.
type Timeouts struct {
	Request  string `yaml:"request,omitempty"`
	Connect  string `yaml:"connect,omitempty"`
	Response string `yaml:"response,omitempty"`
	Idle     string `yaml:"idle,omitempty"`
}

// Limits are those of a route.
type Limits struct {
	RequestBody string `yaml:"request_body,omitempty"`
	InFlight    int    `yaml:"in_flight,omitempty"`
}

// Upstream is an upstream of the route file.
type Upstream struct {
	ID        string    `yaml:"id"`
	Endpoints []string  `yaml:"endpoints,omitempty,flow"`
	Service   string    `yaml:"service,omitempty"`
	Protocol  string    `yaml:"protocol,omitempty"`
	TLS       *TLS      `yaml:"tls,omitempty"`
	Balance   string    `yaml:"balance,omitempty"`
	Timeouts  *Timeouts `yaml:"timeouts,omitempty"`
}

// TLS says who the endpoints of an upstream are, and who the tier is.
type TLS struct {
	CA          []string     `yaml:"ca,omitempty,flow"`
	ServerName  string       `yaml:"server_name,omitempty"`
	Names       []string     `yaml:"names,omitempty,flow"`
	Verify      string       `yaml:"verify,omitempty"`
	MinVersion  string       `yaml:"min_version,omitempty"`
	Certificate *Certificate `yaml:"certificate,omitempty"`
}

// Certificate names the files of one.
type Certificate struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Policy is a policy of the route file.
type Policy struct {
	ID             string        `yaml:"id"`
	Inherits       string        `yaml:"inherits,omitempty"`
	Mode           string        `yaml:"mode,omitempty"`
	Paranoia       *Paranoia     `yaml:"paranoia,omitempty"`
	Thresholds     *Thresholds   `yaml:"thresholds,omitempty"`
	EarlyBlocking  *bool         `yaml:"early_blocking,omitempty"`
	ReportingLevel *int          `yaml:"reporting_level,omitempty"`
	CRS            *CRS          `yaml:"crs,omitempty"`
	RequestBody    *RequestBody  `yaml:"request_body,omitempty"`
	ResponseBody   *ResponseBody `yaml:"response_body,omitempty"`
	Exclusions     []Exclusion   `yaml:"exclusions,omitempty"`
	RulesBefore    []Rules       `yaml:"rules_before,omitempty"`
	RulesAfter     []Rules       `yaml:"rules_after,omitempty"`
	Block          *Block        `yaml:"block,omitempty"`

	InspectionBudget string `yaml:"inspection_budget,omitempty"`
}

// Paranoia are CRS paranoia levels.
type Paranoia struct {
	Blocking  int `yaml:"blocking,omitempty"`
	Detection int `yaml:"detection,omitempty"`
}

// Thresholds are anomaly scores.
type Thresholds struct {
	Inbound  int `yaml:"inbound,omitempty"`
	Outbound int `yaml:"outbound,omitempty"`
}

// CRS are further settings of crs-setup.conf. What is nil, or empty, is the tier's default.
type CRS struct {
	AllowedMethods            []string `yaml:"allowed_methods,omitempty,flow"`
	AllowedContentTypes       []string `yaml:"allowed_request_content_type,omitempty,flow"`
	AllowedCharsets           []string `yaml:"allowed_request_content_type_charset,omitempty,flow"`
	AllowedHTTPVersions       []string `yaml:"allowed_http_versions,omitempty,flow"`
	RestrictedExtensions      []string `yaml:"restricted_extensions,omitempty,flow"`
	RestrictedHeaders         []string `yaml:"restricted_headers_basic,omitempty,flow"`
	RestrictedHeadersExtended []string `yaml:"restricted_headers_extended,omitempty,flow"`
	MaxNumArgs                *int     `yaml:"max_num_args,omitempty"`
	ArgNameLength             *int     `yaml:"arg_name_length,omitempty"`
	ArgLength                 *int     `yaml:"arg_length,omitempty"`
	TotalArgLength            *int     `yaml:"total_arg_length,omitempty"`
	MaxFileSize               string   `yaml:"max_file_size,omitempty"`
	CombinedFileSizes         string   `yaml:"combined_file_sizes,omitempty"`
	EnforceBodyprocURLEncoded *bool    `yaml:"enforce_bodyproc_urlencoded,omitempty"`
	ValidateUTF8Encoding      *bool    `yaml:"crs_validate_utf8_encoding,omitempty"`
	AllowMethodOverride       *bool    `yaml:"allow_method_override_parameter,omitempty"`
	CriticalAnomalyScore      *int     `yaml:"critical_anomaly_score,omitempty"`
	ErrorAnomalyScore         *int     `yaml:"error_anomaly_score,omitempty"`
	WarningAnomalyScore       *int     `yaml:"warning_anomaly_score,omitempty"`
	NoticeAnomalyScore        *int     `yaml:"notice_anomaly_score,omitempty"`
}

// RequestBody says how request bodies are inspected. A nil Inspect is the default, true.
type RequestBody struct {
	Inspect  *bool  `yaml:"inspect,omitempty"`
	Limit    string `yaml:"limit,omitempty"`
	Oversize string `yaml:"oversize,omitempty"`
}

// ResponseBody says how response bodies are inspected. A nil Inspect is the default, false.
type ResponseBody struct {
	Inspect   *bool    `yaml:"inspect,omitempty"`
	Limit     string   `yaml:"limit,omitempty"`
	MIMETypes []string `yaml:"mime_types,omitempty,flow"`
}

// Exclusion takes rules, or a target out of rules.
type Exclusion struct {
	Rule   int    `yaml:"rule,omitempty"`
	Rules  string `yaml:"rules,omitempty"`
	Tag    string `yaml:"tag,omitempty"`
	Target string `yaml:"target,omitempty"`
	Path   string `yaml:"path,omitempty"`
	Reason string `yaml:"reason"`
}

// Rules is SecLang text.
type Rules struct {
	Inline string `yaml:"inline"`
}

// Block is what a blocked client gets.
type Block struct {
	Status int `yaml:"status,omitempty"`
}

// YAML returns the entries as a route file.
func (f *Entries) YAML() ([]byte, error) { return Encode(f) }

// Size writes a number of bytes in the largest unit that holds it whole.
func Size(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// Encode writes a value, or a document of them, in the way of all route files that are printed.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}
