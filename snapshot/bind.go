package snapshot

import (
	"strconv"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/waf"
)

// entry says to the table what config.Route says.
func entry[R any](c config.Route, value R) routing.Entry[R] {
	return routing.Entry[R]{ID: c.ID, Hosts: c.Hosts, Methods: c.Methods, Paths: paths(c.Paths), Headers: headers(c.Headers), Value: value}
}

func paths(list []config.PathMatch) (out []routing.Path) {
	for _, p := range list {
		switch {
		case p.Exact != "":
			out = append(out, routing.Path{Kind: routing.PathExact, Value: p.Exact})
		case p.Prefix != "":
			out = append(out, routing.Path{Kind: routing.PathPrefix, Value: p.Prefix})
		default:
			out = append(out, routing.Path{Kind: routing.PathRegex, Value: p.Regex})
		}
	}
	return out
}

func headers(list []config.HeaderMatch) (out []routing.Header) {
	for _, h := range list {
		switch {
		case h.Present:
			out = append(out, routing.Header{Name: h.Name, Kind: routing.HeaderPresent})
		case h.Regex != "":
			out = append(out, routing.Header{Name: h.Name, Kind: routing.HeaderRegex, Value: h.Regex})
		default:
			out = append(out, routing.Header{Name: h.Name, Kind: routing.HeaderExact, Value: h.Exact})
		}
	}
	return out
}

// wafPolicy says to the engine what config.Policy says.
func wafPolicy(p config.Policy) waf.Policy {
	w := waf.Policy{
		ID:               p.ID,
		BlockingParanoia: p.Paranoia.Blocking, DetectionParanoia: p.Paranoia.Detection,
		InboundThreshold: p.Thresholds.Inbound, OutboundThreshold: p.Thresholds.Outbound,
		EarlyBlocking: p.EarlyBlocking, ReportingLevel: p.ReportingLevel,
		CRS:          crs(&p.CRS),
		RequestBody:  p.RequestBody.Inspect,
		Reading:      waf.Reading{XMLDoctype: p.RequestBody.XMLDoctype == config.DoctypeInternal, Files: files[p.RequestBody.Files], KnownFields: p.GRPC.UnknownFields == config.UnknownRefuse},
		ResponseBody: p.ResponseBody.Inspect, ResponseBodyBytes: int(p.ResponseBody.Limit),
		ResponseMIMETypes: p.ResponseBody.MIMETypes,
		Descriptors:       p.GRPC.Set, DescriptorsSource: p.GRPC.Source,
		Budget:    p.InspectionBudget,
		ScreenOff: p.Screen == config.Off, ScreenVerify: p.ScreenVerify,
	}
	if p.Mode == config.ModeDetect {
		w.Mode = waf.ModeDetect
	}
	for _, r := range p.RulesBefore {
		w.RulesBefore = append(w.RulesBefore, waf.RuleText{Source: r.Key, Text: r.Inline, Files: r.Files})
	}
	for _, r := range p.RulesAfter {
		w.RulesAfter = append(w.RulesAfter, waf.RuleText{Source: r.Key, Text: r.Inline, Files: r.Files})
	}
	for _, x := range p.Exclusions {
		e := waf.Exclusion{Source: x.Source, RuleIDs: x.Rules, Tag: x.Tag, Target: x.Target, Path: x.Path}
		if x.Rule != 0 {
			e.RuleIDs = strconv.Itoa(x.Rule)
		}
		w.Exclusions = append(w.Exclusions, e)
	}
	return w
}

// inspectPolicy says to inspections what config.Policy says.
func inspectPolicy(p *config.Policy, engine *waf.Engine) inspect.Policy {
	return inspect.Policy{
		Engine: engine, Detect: p.Mode == config.ModeDetect,
		OnError: choices[p.OnError], OnOverload: choices[p.OnOverload], OnBudget: choices[p.OnBudget],
		RequestBodies: p.RequestBody.Inspect, RequestLimit: int(p.RequestBody.Limit),
		Oversize: treatments[p.RequestBody.Oversize], Undecodable: treatments[p.RequestBody.Undecodable],
		ResponseBodies: engine != nil && p.ResponseBody.Inspect, ResponseLimit: int(p.ResponseBody.Limit),
		ResponseTypes: p.ResponseBody.MIMETypes,
		BlockStatus:   p.Block.Status,
	}
}

// choices are what a policy may say of messages that could not be inspected.
var choices = map[config.Choice]inspect.Choice{config.Deny: inspect.Deny, config.Allow: inspect.Allow}

// treatments are what a policy may say of bodies that are too long or cannot be decoded.
var treatments = map[config.Treatment]inspect.Treatment{
	config.Reject: inspect.Reject, config.InspectPrefix: inspect.InspectPrefix, config.SkipInspection: inspect.SkipInspection,
}

// files are what a policy may say about the contents of uploaded files.
var files = map[config.FileMode]waf.FileMode{
	config.FilesActive: waf.FilesActive, config.FilesAll: waf.FilesAll, config.FilesSkip: waf.FilesSkip,
}

// crs says to the engine what config.CRS says, whose lists always hold. That of media types does if it has
// one: otherwise a body is read whatever it is.
func crs(c *config.CRS) waf.CRS {
	all := func(list []string) []string { return append([]string{}, list...) }
	return waf.CRS{
		AllowedMethods: all(c.AllowedMethods), AllowedContentTypes: append([]string(nil), c.AllowedContentTypes...),
		AllowedCharsets: all(c.AllowedCharsets), AllowedHTTPVersions: all(c.AllowedHTTPVersions), RestrictedExtensions: all(c.RestrictedExtensions),
		RestrictedHeaders: all(c.RestrictedHeaders), RestrictedHeadersExtended: all(c.RestrictedHeadersExtended),
		MaxNumArgs: c.MaxNumArgs, ArgNameLength: c.ArgNameLength, ArgLength: c.ArgLength, TotalArgLength: c.TotalArgLength,
		MaxFileSize: int64(c.MaxFileSize), CombinedFileSizes: int64(c.CombinedFileSizes),
		EnforceBodyprocURLEncoded: c.EnforceBodyprocURLEncoded, ValidateUTF8Encoding: c.ValidateUTF8Encoding, AllowMethodOverride: c.AllowMethodOverride,
		CriticalAnomalyScore: c.CriticalAnomalyScore, ErrorAnomalyScore: c.ErrorAnomalyScore,
		WarningAnomalyScore: c.WarningAnomalyScore, NoticeAnomalyScore: c.NoticeAnomalyScore,
	}
}
