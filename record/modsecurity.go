package record

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// ModSecurity appends a record as ModSecurity 3 writes its audit log with SecAuditLogFormat JSON: one line, with the
// parts that the record has.
func (r *Record) ModSecurity(dst []byte) []byte {
	o := object{dst: append(dst, '{')}
	o.within("transaction", func(o *object) {
		o.text("client_ip", r.Client.IP)
		o.plainText("time_stamp", r.Time.UTC().Format(time.ANSIC))
		o.text("server_id", "")
		o.number("client_port", int64(r.Client.Port))
		o.text("host_ip", r.Server.IP)
		o.number("host_port", int64(r.Server.Port))
		o.plainText("unique_id", r.RequestID)
		o.key("is_interrupted")
		o.dst = strconv.AppendBool(o.dst, slices.Contains([]string{"block", "redirect", "drop"}, r.Verdict))
		o.within("request", func(o *object) {
			q := r.Request
			o.plainText("method", q.Method)
			o.key("http_version")
			o.dst = append(o.dst, version(q.Protocol)...)
			o.plainText("hostname", q.Host)
			o.plainText("uri", q.Target)
			if q.Body != nil {
				o.plainText("body", string(q.Body.Bytes))
			}
			if strings.ContainsRune(r.Parts, 'B') {
				o.headerMap("headers", q.Headers)
			}
		})
		o.within("response", func(o *object) {
			p := r.Response
			if p == nil {
				p = &Response{}
			}
			if p.Body != nil {
				o.plainText("body", string(p.Body.Bytes))
			}
			o.number("http_code", int64(p.Status))
			if strings.ContainsRune(r.Parts, 'F') {
				o.headerMap("headers", p.Headers)
			}
		})
		if strings.ContainsRune(r.Parts, 'H') {
			o.within("producer", func(o *object) {
				o.text("modsecurity", "wafer")
				o.text("connector", "wafer")
				o.text("secrules_engine", engine(r.Mode))
				o.key("components")
				o.dst = append(o.dst, "[]"...)
			})
		}
		if strings.ContainsRune(r.Parts, 'K') {
			o.key("messages")
			o.dst = append(o.dst, '[')
			for i := range r.Rules {
				if i > 0 {
					o.dst = append(o.dst, ',')
				}
				o.dst = append(o.dst, '{')
				r.Rules[i].modSecurity(o)
				o.dst = append(o.dst, '}')
			}
			o.dst = append(o.dst, ']')
		}
	})
	return append(o.dst, "}\n"...)
}

// version is a number, as ModSecurity has it.
func version(protocol string) string {
	v := strings.TrimPrefix(protocol, "HTTP/")
	if _, err := strconv.ParseFloat(v, 64); err != nil {
		return "0"
	}
	if v == "2.0" {
		return "2"
	}
	return v
}

func engine(mode string) string {
	switch mode {
	case "block":
		return "Enabled"
	case "detect":
		return "DetectionOnly"
	}
	return "Disabled"
}

// severities are those of syslog, which ModSecurity writes as numbers.
var severities = []string{"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"}

func (m *Rule) modSecurity(o *object) {
	o.plainText("message", m.Message)
	o.within("details", func(o *object) {
		match := ""
		if m.Target != "" {
			match = "Matched variable `" + m.Target + "' (Value: `" + m.Value + "' )"
		}
		o.plainText("match", match)
		o.text("reference", "")
		o.text("ruleId", strconv.Itoa(m.ID))
		o.text("file", "")
		o.text("lineNumber", "0")
		data := ""
		if m.Target != "" {
			data = "found within " + m.Target + ": " + m.Value
		}
		o.plainText("data", data)
		severity := ""
		if i := slices.Index(severities, m.Severity); i >= 0 {
			severity = strconv.Itoa(i)
		}
		o.text("severity", severity)
		o.text("ver", "")
		o.text("rev", "")
		o.key("tags")
		o.dst = append(o.dst, '[')
		for i, tag := range m.Tags {
			if i > 0 {
				o.dst = append(o.dst, ',')
			}
			o.dst = appendQuoted(o.dst, escaped(tag))
		}
		o.dst = append(o.dst, ']')
		o.text("maturity", "0")
		o.text("accuracy", "0")
	})
}

// headerMap writes fields as an object. The values of fields that share a name are a list.
func (o *object) headerMap(name string, fields []Field) {
	var order []string
	values := map[string][]string{}
	for i := range fields {
		key := strings.ToLower(fields[i].Name)
		if values[key] == nil {
			order = append(order, fields[i].Name)
		}
		values[key] = append(values[key], escaped(fields[i].Value))
	}
	o.within(name, func(o *object) {
		for _, name := range order {
			all := values[strings.ToLower(name)]
			o.dst = append(appendKey(o.dst, escaped(name)), ':')
			if len(all) == 1 {
				o.dst = appendQuoted(o.dst, all[0])
				continue
			}
			for k := range all {
				sep := byte(',')
				if k == 0 {
					sep = '['
				}
				o.dst = appendQuoted(append(o.dst, sep), all[k])
			}
			o.dst = append(o.dst, ']')
		}
	})
}

// appendKey writes a key that somebody else has chosen.
func appendKey(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return appendQuoted(dst, name)
}
