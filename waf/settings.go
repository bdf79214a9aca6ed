package waf

import (
	"strconv"
	"strings"
)

// CRS are variables of crs-setup.conf, under its names. A list that is nil and a number that is 0 are not
// set, so that CRS's own default holds; a list that is empty allows, or restricts, nothing.
type CRS struct {
	AllowedMethods            []string // GET
	AllowedContentTypes       []string // application/json; allowed_request_content_type
	AllowedCharsets           []string // utf-8; allowed_request_content_type_charset
	AllowedHTTPVersions       []string // HTTP/1.1
	RestrictedExtensions      []string // .bak
	RestrictedHeaders         []string // proxy; restricted_headers_basic
	RestrictedHeadersExtended []string

	MaxNumArgs, ArgNameLength, ArgLength, TotalArgLength int
	MaxFileSize, CombinedFileSizes                       int64 // bytes

	EnforceBodyprocURLEncoded, ValidateUTF8Encoding, AllowMethodOverride bool

	CriticalAnomalyScore, ErrorAnomalyScore, WarningAnomalyScore, NoticeAnomalyScore int
}

// setting is one CRS variable of the collection TX, as crs-setup.conf spells it.
type setting struct{ name, value string }

// contentTypes is the variable with the media types that a policy allows.
const contentTypes = "allowed_request_content_type"

// settings spells the variables that are set.
func (c *CRS) settings() []setting {
	var out []setting
	list := func(name string, values []string, before, after string) {
		if values == nil {
			return
		}
		items := []string{"-"} // SecLang has no empty value; this one is no item of any list
		if len(values) > 0 {
			items = nil
		}
		for _, v := range values {
			items = append(items, before+v+after)
		}
		out = append(out, setting{name, strings.Join(items, " ")})
	}
	number := func(name string, n int64) {
		if n > 0 {
			out = append(out, setting{name, strconv.FormatInt(n, 10)})
		}
	}
	flag := func(name string, on bool) {
		if on {
			out = append(out, setting{name, "1"})
		}
	}
	list("allowed_methods", c.AllowedMethods, "", "")
	list(contentTypes, c.AllowedContentTypes, "|", "|")
	list("allowed_request_content_type_charset", c.AllowedCharsets, "|", "|")
	list("allowed_http_versions", c.AllowedHTTPVersions, "", "")
	list("restricted_extensions", c.RestrictedExtensions, "", "/")
	list("restricted_headers_basic", c.RestrictedHeaders, "/", "/")
	list("restricted_headers_extended", c.RestrictedHeadersExtended, "/", "/")
	number("max_num_args", int64(c.MaxNumArgs))
	number("arg_name_length", int64(c.ArgNameLength))
	number("arg_length", int64(c.ArgLength))
	number("total_arg_length", int64(c.TotalArgLength))
	number("max_file_size", c.MaxFileSize)
	number("combined_file_sizes", c.CombinedFileSizes)
	flag("enforce_bodyproc_urlencoded", c.EnforceBodyprocURLEncoded)
	flag("crs_validate_utf8_encoding", c.ValidateUTF8Encoding)
	flag("allow_method_override_parameter", c.AllowMethodOverride)
	number("critical_anomaly_score", int64(c.CriticalAnomalyScore))
	number("error_anomaly_score", int64(c.ErrorAnomalyScore))
	number("warning_anomaly_score", int64(c.WarningAnomalyScore))
	number("notice_anomaly_score", int64(c.NoticeAnomalyScore))
	return out
}

// points are what a match of a severity is worth.
func (c *CRS) points(severity string) int {
	own := map[string]int{"critical": c.CriticalAnomalyScore, "error": c.ErrorAnomalyScore, "warning": c.WarningAnomalyScore, "notice": c.NoticeAnomalyScore}
	if n := own[severity]; n > 0 {
		return n
	}
	return map[string]int{"critical": 5, "error": 4, "warning": 3, "notice": 2}[severity]
}
