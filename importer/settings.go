package importer

import (
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// setup reads an action without a condition that sets variables of crs-setup.conf. It reports whether nothing
// of it is left for a rule of one's own.
func (r *reader) setup(s *statement) bool {
	id, _ := strconv.Atoi(s.action("id"))
	ours := 900000 <= id && id < 901000
	var kept []seclang.Action
	read, left := 0, 0
	for _, a := range s.links[0].Actions {
		if a.Name == "allow" && a.Arg == "" || a.Name == "ctl" && r.always(s, a.Arg) {
			if a.Name == "allow" {
				r.mode(s, "off", "lets every request pass")
			}
			read++
			continue
		}
		name, value, _ := strings.Cut(rename(a.Arg), "=")
		name, isTX := strings.CutPrefix(strings.ToLower(name), "tx.")
		switch {
		case a.Name != "setvar" && a.Name != "ctl":
			kept = append(kept, a)
			continue
		case a.Name == "setvar" && isTX && r.variable(s, name, strings.TrimSpace(value), ours):
			read++
			continue
		}
		left++
		kept = append(kept, a)
	}
	goesOn := slices.ContainsFunc(kept, func(a seclang.Action) bool {
		return slices.Contains([]string{"deny", "drop", "redirect", "skip", "skipafter"}, a.Name)
	})
	if read == 0 && !ours || left > 0 || goesOn {
		s.edited = s.edited || read > 0
		s.links[0].Actions = kept
		return false
	}
	return true
}

// always reads what an action without a condition changes for every request. It reports false for what stays a rule.
func (r *reader) always(s *statement, ctl string) bool {
	what, arg, _ := strings.Cut(ctl, "=")
	which, of, targeted := strings.Cut(arg, ";")
	which = strings.Trim(which, `"`)
	var targets []string
	if targeted {
		targets = []string{target(of)}
	}
	switch spelled(strings.TrimSpace(what), ctls) {
	case "ruleEngine":
		mode := map[string]string{"on": "block", "off": "off", "detectiononly": "detect"}[strings.ToLower(arg)]
		if mode == "" {
			return false
		}
		r.mode(s, mode, "says so for every request")
	case "ruleRemoveById", "ruleRemoveTargetById":
		r.removals = append(r.removals, removal{from: s, ids: which, targets: targets})
	case "ruleRemoveByTag", "ruleRemoveTargetByTag":
		r.byTag(s, which, targets)
	default:
		return false
	}
	return true
}

// mode sets the mode of the policy because of a rule, whatever SecRuleEngine says.
func (r *reader) mode(s *statement, mode, why string) {
	r.forced = mode
	r.note(Decide, s, "%s %s: the policy has mode %s", s, why, mode)
}

// variable reads one variable of crs-setup.conf. It reports false for others.
func (r *reader) variable(s *statement, name, value string, ours bool) bool {
	crs := r.policy.CRS
	if crs == nil {
		crs = &file.CRS{}
	}
	n, err := strconv.Atoi(value)
	isNumber := err == nil && n >= 0
	ok := true
	switch name {
	case "crs_setup_version":
		return true
	case "enable_default_collections":
		return value != "1" // otherwise CRS begins two, which rules may count in
	case "blocking_paranoia_level", "detection_paranoia_level":
		ok = isNumber && r.paranoia(s, name, n)
	case "inbound_anomaly_score_threshold":
		if ok = isNumber && n > 0; ok {
			r.thresholds().Inbound = n
			r.set("thresholds.inbound", s, func() { r.thresholds().Inbound = 0 })
		}
	case "outbound_anomaly_score_threshold":
		if ok = isNumber && n > 0; ok {
			r.thresholds().Outbound = n
		}
	case "reporting_level":
		if ok = isNumber && n <= 5; ok {
			r.policy.ReportingLevel = &n
		}
	case "early_blocking", "blocking_early":
		on := n == 1
		r.policy.EarlyBlocking = &on
	case "crs_skip_response_analysis":
		if n == 1 {
			off := false
			r.response().Inspect = &off
		}
	case "sampling_percentage":
		if n != 100 {
			r.note(Decide, s, "%s=%s is not carried: the tier inspects every request. To try it on some of them, give a second route with a policy of its own a weight", name, value)
		}
	default:
		known := list(crs, name, value) || number(crs, name, n) && isNumber
		if !known && (ours || strings.HasPrefix(name, "crs_exclusions_") || strings.HasPrefix(name, "dos_") || strings.HasPrefix(name, "block_") || unused[name] != "") {
			r.notCarried(s, name, value)
			return true
		}
		if !known {
			return false
		}
		r.policy.CRS = crs
		r.set("crs."+name, s, func() { forget(crs, name) })
	}
	if !ok {
		r.note(Decide, s, "%s=%s is not carried: it is no number that the policy takes", name, value)
	}
	return true
}

func (r *reader) paranoia(s *statement, name string, n int) bool {
	if n < 1 || n > 4 {
		return false
	}
	if r.policy.Paranoia == nil {
		r.policy.Paranoia = &file.Paranoia{}
	}
	p := r.policy.Paranoia
	if name == "blocking_paranoia_level" {
		p.Blocking = n
	} else {
		p.Detection = n
	}
	r.set("paranoia", s, func() { r.policy.Paranoia = nil })
	return true
}

// unused are variables that CRS 4 or the tier does not read, and what to do instead.
var unused = map[string]string{
	"static_extensions": "limits.in_flight of a route bounds what is going on at once",
	"do_reput_block":    "have what is in front of the tier keep lists of addresses", "reput_block_duration": "have what is in front of the tier keep lists of addresses",
	"high_risk_country_codes": "have what is in front of the tier know places", "real_ip": "trusted_proxies of the boot file says whose word counts",
}

func (r *reader) notCarried(s *statement, name, value string) {
	why := unused[name]
	switch {
	case strings.HasPrefix(name, "crs_exclusions_"):
		why = "exclusions for applications are plugins in CRS 4. Write those that the application needs as exclusions, with its paths"
	case strings.HasPrefix(name, "dos_"):
		why = unused["static_extensions"]
	case strings.HasPrefix(name, "block_"):
		why = "CRS 4 asks no list of addresses: have what is in front of the tier do this"
	case why == "":
		why = "CRS 4 does not read it"
	}
	r.note(Decide, s, "SecAction %s: %s=%s is not carried: %s", s.action("id"), name, value, why)
}

// lists are settings that are lists, with what stands around their items.
func listOf(c *file.CRS, name string) (to *[]string, around string) {
	switch name {
	case "allowed_methods":
		return &c.AllowedMethods, ""
	case "allowed_request_content_type":
		return &c.AllowedContentTypes, "|"
	case "allowed_request_content_type_charset":
		return &c.AllowedCharsets, "|"
	case "allowed_http_versions":
		return &c.AllowedHTTPVersions, ""
	case "restricted_extensions":
		return &c.RestrictedExtensions, "/"
	case "restricted_headers_basic":
		return &c.RestrictedHeaders, "/"
	case "restricted_headers_extended":
		return &c.RestrictedHeadersExtended, "/"
	}
	return nil, ""
}

func list(c *file.CRS, name, value string) bool {
	to, around := listOf(c, name)
	if to == nil {
		return false
	}
	*to = nil
	for _, item := range strings.FieldsFunc(value, func(c rune) bool { return c == ' ' || c == '\t' || strings.ContainsRune(around, c) && around == "|" }) {
		if item = strings.Trim(item, around); item != "" {
			*to = append(*to, item)
		}
	}
	return true
}

// numberOf are settings that are numbers.
func numberOf(c *file.CRS, name string) **int {
	return map[string]**int{
		"max_num_args": &c.MaxNumArgs, "arg_name_length": &c.ArgNameLength, "arg_length": &c.ArgLength, "total_arg_length": &c.TotalArgLength,
		"critical_anomaly_score": &c.CriticalAnomalyScore, "error_anomaly_score": &c.ErrorAnomalyScore,
		"warning_anomaly_score": &c.WarningAnomalyScore, "notice_anomaly_score": &c.NoticeAnomalyScore,
	}[name]
}

func number(c *file.CRS, name string, n int) bool {
	flags := map[string]**bool{
		"enforce_bodyproc_urlencoded": &c.EnforceBodyprocURLEncoded, "crs_validate_utf8_encoding": &c.ValidateUTF8Encoding,
		"allow_method_override_parameter": &c.AllowMethodOverride,
	}
	if to := flags[name]; to != nil {
		on := n == 1
		*to = &on
		return true
	}
	if to := numberOf(c, name); to != nil {
		*to = &n
		return true
	}
	switch name {
	case "max_file_size":
		c.MaxFileSize = file.Size(int64(n))
	case "combined_file_sizes":
		c.CombinedFileSizes = file.Size(int64(n))
	default:
		return false
	}
	return true
}

// forget takes a setting back.
func forget(c *file.CRS, name string) {
	if to, _ := listOf(c, name); to != nil {
		*to = nil
	}
	if to := numberOf(c, name); to != nil {
		*to = nil
	}
	switch name {
	case "max_file_size":
		c.MaxFileSize = ""
	case "combined_file_sizes":
		c.CombinedFileSizes = ""
	}
}
