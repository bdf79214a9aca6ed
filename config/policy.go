package config

import "time"

// Policy is an effective policy: what it inherits and every default are filled in.
type Policy struct {
	ID             string       `mapstructure:"id"`
	Inherits       string       `mapstructure:"inherits"`
	Mode           Mode         `mapstructure:"mode"` // off, detect or block
	Paranoia       Paranoia     `mapstructure:"paranoia"`
	Thresholds     Thresholds   `mapstructure:"thresholds"`
	EarlyBlocking  bool         `mapstructure:"early_blocking"`  // decide after the headers too
	ReportingLevel int          `mapstructure:"reporting_level"` // 0 to 5, CRS tx.reporting_level
	CRS            CRS          `mapstructure:"crs"`
	RequestBody    RequestBody  `mapstructure:"request_body"`
	ResponseBody   ResponseBody `mapstructure:"response_body"`
	GRPC           GRPC         `mapstructure:"grpc"`
	Exclusions     []Exclusion  `mapstructure:"exclusions"`   // those of the inherited policy first
	RulesBefore    []Rules      `mapstructure:"rules_before"` // those of the inherited policy first
	RulesAfter     []Rules      `mapstructure:"rules_after"`  // those of the inherited policy first
	Block          Block        `mapstructure:"block"`
	OnError        Choice       `mapstructure:"on_error"`    // deny or allow
	OnOverload     Choice       `mapstructure:"on_overload"` // deny or allow

	InspectionBudget time.Duration `mapstructure:"inspection_budget"` // CPU time that one request and its response may cost
	OnBudget         Choice        `mapstructure:"on_budget"`         // deny or allow

	Screen       Switch  `mapstructure:"screen"`        // on or off
	ScreenVerify float64 `mapstructure:"screen_verify"` // share of requests that all rules check once more, 0 to 1

	// Sources maps each key path within the policy ("paranoia.blocking"), all but id and
	// inherits, to the id of the policy that set it, or to "default". Lists that
	// accumulate map to all their sources, in order, joined by ", ".
	Sources map[string]string `mapstructure:"-"`
}

// Paranoia are CRS paranoia levels, 1 to 4. Detection is at least Blocking.
type Paranoia struct {
	Blocking  int `mapstructure:"blocking" short:"number"`
	Detection int `mapstructure:"detection"` // default: as Blocking
}

// Thresholds are the CRS anomaly scores from which a request or response is blocked.
type Thresholds struct {
	Inbound  int `mapstructure:"inbound" short:"number"`
	Outbound int `mapstructure:"outbound"`
}

// CRS are further settings of crs-setup.conf by their CRS meaning; 0 means no limit.
type CRS struct {
	AllowedMethods            []string `mapstructure:"allowed_methods"`
	AllowedContentTypes       []string `mapstructure:"allowed_request_content_type"` // empty: every one
	AllowedCharsets           []string `mapstructure:"allowed_request_content_type_charset"`
	AllowedHTTPVersions       []string `mapstructure:"allowed_http_versions"`
	RestrictedExtensions      []string `mapstructure:"restricted_extensions"`
	RestrictedHeaders         []string `mapstructure:"restricted_headers_basic"`
	RestrictedHeadersExtended []string `mapstructure:"restricted_headers_extended"`
	MaxNumArgs                int      `mapstructure:"max_num_args"`
	ArgNameLength             int      `mapstructure:"arg_name_length"`
	ArgLength                 int      `mapstructure:"arg_length"`
	TotalArgLength            int      `mapstructure:"total_arg_length"`
	MaxFileSize               Size     `mapstructure:"max_file_size"`
	CombinedFileSizes         Size     `mapstructure:"combined_file_sizes"`
	EnforceBodyprocURLEncoded bool     `mapstructure:"enforce_bodyproc_urlencoded"`
	ValidateUTF8Encoding      bool     `mapstructure:"crs_validate_utf8_encoding"`
	AllowMethodOverride       bool     `mapstructure:"allow_method_override_parameter"`
	CriticalAnomalyScore      int      `mapstructure:"critical_anomaly_score"`
	ErrorAnomalyScore         int      `mapstructure:"error_anomaly_score"`
	WarningAnomalyScore       int      `mapstructure:"warning_anomaly_score"`
	NoticeAnomalyScore        int      `mapstructure:"notice_anomaly_score"`
}

// RequestBody says how much of a request body is inspected.
type RequestBody struct {
	Inspect     bool      `mapstructure:"inspect" short:"bool"`
	Limit       Size      `mapstructure:"limit" short:"string"` // bytes inspected at most
	Oversize    Treatment `mapstructure:"oversize"`             // reject (413), inspect_prefix or skip_inspection
	Undecodable Treatment `mapstructure:"undecodable"`          // reject (415) or skip_inspection
	XMLDoctype  Doctype   `mapstructure:"xml_doctype"`          // refuse (400) or internal: without anything external
	Files       FileMode  `mapstructure:"files"`                // of their contents: active, all or skip
}

// ResponseBody says which response bodies are inspected and how much of each.
type ResponseBody struct {
	Inspect   bool     `mapstructure:"inspect" short:"bool"`
	Limit     Size     `mapstructure:"limit" short:"string"` // bytes inspected at most; the rest passes
	MIMETypes []string `mapstructure:"mime_types"`           // without parameters
}

// GRPC says what is known of messages of gRPC.
type GRPC struct {
	Descriptors   string        `mapstructure:"descriptors"`    // file of a FileDescriptorSet, next to the route file; empty: none
	UnknownFields UnknownFields `mapstructure:"unknown_fields"` // of messages, if there are descriptors: inspect or refuse

	Set    string `mapstructure:"-"` // what is in the file
	Source string `mapstructure:"-"` // key path of the setting
}

// Exclusion takes rules, or targets out of rules, and says why. Exactly one of Rule,
// Rules and Tag is set.
type Exclusion struct {
	Rule   int    `mapstructure:"rule" short:"number,reason: …" one:"it"` // one rule id
	Rules  string `mapstructure:"rules" one:"it"`                         // a range, "942100-942199"
	Tag    string `mapstructure:"tag" short:"string,reason: …" one:"it"`  // every rule with this tag
	Target string `mapstructure:"target"`                                 // "ARGS:comment"; empty: the whole rule
	Path   string `mapstructure:"path"`                                   // only for this path and those below it; empty: everywhere
	Reason string `mapstructure:"reason"`                                 // why, for whoever reads it next year; required

	Source string `mapstructure:"-"` // where it stands: file, or key path in the route file
}

// Rules is SecLang text, inline or from a file next to the route file. Exactly one is
// set in the file; after loading Inline holds the text in both cases.
type Rules struct {
	Inline string `mapstructure:"inline" short:"string" one:"it"`
	File   string `mapstructure:"file" short:"file" one:"it"`

	Source string            `mapstructure:"-"` // where it stands: file, or key path in the route file
	Key    string            `mapstructure:"-"` // its key path, in all files together
	Files  map[string]string `mapstructure:"-"` // what operators in it read, by the name that they have for it, cleaned
}

// Block is what a blocked client gets. {{request_id}} and {{status}} are replaced in
// both bodies; the body is chosen by the request's Accept field.
type Block struct {
	Status int    `mapstructure:"status" short:"number"` // 400 to 599
	HTML   string `mapstructure:"html"`
	JSON   string `mapstructure:"json"` // sent as application/problem+json (RFC 9457)
}
