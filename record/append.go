package record

import "unicode/utf8"

// Append appends the record as one line.
func (r *Record) Append(dst []byte) []byte {
	o := object{dst: append(dst, '{')}
	o.plain("time", appendTime(nil, r.Time))
	o.text("level", "info")
	o.text("event", Event)
	o.number("version", Version)
	o.text("request_id", r.RequestID)
	o.some("record", r.ID)
	o.texts("why", r.Why)
	o.some("parts", r.Parts)
	o.some("message", r.Message)
	o.some("route", r.Route)
	o.some("policy", r.Policy)
	o.some("mode", r.Mode)
	o.some("client", r.Client.IP)
	o.positive("client_port", int64(r.Client.Port))
	o.some("server", r.Server.IP)
	o.positive("server_port", int64(r.Server.Port))
	if t := r.TLS; t != nil {
		o.within("tls", func(o *object) {
			o.text("version", t.Version)
			o.some("server_name", t.ServerName)
			o.some("client_certificate", t.Client)
			o.some("client_certificate_sha256", t.ClientSHA256)
		})
	}
	if r.Request != nil {
		o.within("request", r.Request.append)
	}
	if r.Response != nil {
		o.within("response", r.Response.append)
	}
	if r.Withheld != nil {
		o.within("withheld", r.Withheld.append)
	}
	r.appendFindings(&o)
	o.some("upstream", r.Upstream)
	o.some("endpoint", r.Endpoint)
	o.positive("attempts", int64(r.Attempts))
	o.number("bytes_in", r.BytesIn)
	o.number("bytes_out", r.BytesOut)
	o.milliseconds("duration_ms", r.Duration)
	if r.UpstreamDuration > 0 {
		o.milliseconds("upstream_ms", r.UpstreamDuration)
	}
	o.positive("generation", int64(r.Generation))
	return append(o.dst, "}\n"...)
}

func (r *Record) appendFindings(o *object) {
	o.some("verdict", r.Verdict)
	o.some("coverage", r.Coverage)
	o.some("coverage_reason", r.CoverageReason)
	o.some("error", r.Error)
	o.some("access_rule", r.AccessRule)
	if s := r.Score; s != nil {
		o.within("score", func(o *object) {
			o.number("inbound", int64(s.Inbound))
			o.number("inbound_threshold", int64(s.InboundThreshold))
			o.number("outbound", int64(s.Outbound))
			o.number("outbound_threshold", int64(s.OutboundThreshold))
		})
	}
	o.positive("phase", int64(r.Phase))
	o.positive("rule_id", int64(r.RuleID))
	list(o, "rules", r.Rules, func(o *object, rule *Rule) {
		o.number("id", int64(rule.ID))
		o.some("message", rule.Message)
		o.some("severity", rule.Severity)
		o.positive("phase", int64(rule.Phase))
		o.some("target", rule.Target)
		o.some("value", rule.Value)
		o.texts("tags", rule.Tags)
	})
	o.positive("rules_left_out", int64(r.RulesLeftOut))
}

func (q *Request) append(o *object) {
	o.text("method", q.Method)
	o.text("target", q.Target)
	o.flag("target_masked", q.TargetMasked)
	o.positive("target_cut", int64(q.TargetCut))
	o.text("protocol", q.Protocol)
	o.some("host", q.Host)
	o.fields("headers", q.Headers)
	o.positive("headers_left_out", int64(q.HeadersLeftOut))
	o.texts("masked_headers", q.MaskedHeaders)
	if q.Body != nil {
		o.within("body", q.Body.append)
	}
	list(o, "files", q.Files, func(o *object, f *File) {
		o.text("field", f.Field)
		o.text("name", f.Name)
		o.some("type", f.Type)
		o.number("size", f.Size)
	})
	if len(q.Trailers) > 0 {
		o.fields("trailers", q.Trailers)
	}
}

func (p *Response) append(o *object) {
	o.number("status", int64(p.Status))
	o.some("reason", p.Reason)
	o.some("protocol", p.Protocol)
	o.some("by", p.By)
	o.fields("headers", p.Headers)
	o.positive("headers_left_out", int64(p.HeadersLeftOut))
	o.texts("masked_headers", p.MaskedHeaders)
	if p.Body != nil {
		o.within("body", p.Body.append)
	}
	if len(p.Trailers) > 0 {
		o.fields("trailers", p.Trailers)
	}
}

func (b *Body) append(o *object) {
	switch {
	case b.LeftOut != "":
		o.text("left_out", string(b.LeftOut))
	case utf8.Valid(b.Bytes):
		o.key("text")
		o.dst = appendQuoted(o.dst, b.Bytes)
	default:
		o.key("base64")
		o.dst = appendBase64(o.dst, b.Bytes)
	}
	o.number("size", b.Size)
	o.some("cut", string(b.Cut))
	o.flag("unended", b.Unended)
	o.some("decoded", b.Decoded)
	o.flag("masked", b.Masked)
	o.number("inspected", b.Inspected)
}
