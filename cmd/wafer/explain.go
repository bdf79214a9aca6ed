package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/proxy"
)

func newExplain() *cobra.Command {
	var host, path, method, client string
	c := &cobra.Command{
		Use:   "explain ROUTES",
		Short: "Tell what the tier would do with a request, and why",
		Long: `Tell which route a request matches and why the others do not, the effective policy
with the source of each value, every rule that matches with its score, the verdict and
how much of the request was inspected. Nothing is forwarded.

The request is either given by flags, or read whole, as it goes over the wire, from
standard input.`,
		Example: `  wafer explain routes.yaml --host shop.example.com --path '/search?q=1%27+OR+1=1--'
  wafer explain routes.yaml < request.http`,
		Args: oneRouteFile,
		RunE: func(c *cobra.Command, args []string) error {
			raw := []byte(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: wafer-explain\r\nAccept: */*\r\n\r\n", method, path, host))
			if !c.Flags().Changed("host") {
				var err error
				if raw, err = readRequest(c.InOrStdin()); err != nil {
					return err
				}
			}
			from, err := netip.ParseAddr(client)
			if err != nil {
				return fmt.Errorf("--client: %w", err)
			}
			return explain(c.OutOrStdout(), args[0], raw, from)
		},
	}
	c.Flags().StringVar(&host, "host", "", "Host field; without it the request is read from standard input")
	c.Flags().StringVar(&path, "path", "/", "request target: path and query")
	c.Flags().StringVar(&method, "method", "GET", "request method")
	c.Flags().StringVar(&client, "client", "192.0.2.1", "address the request comes from")
	return c
}

// readRequest reads a raw request. Line ends of a text file are made those of HTTP in the
// head; the body stays as it is.
func readRequest(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, fmt.Errorf("no request: give --host, or a raw HTTP request on standard input")
	}
	head, body, wire := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !wire {
		head, body, _ = bytes.Cut(raw, []byte("\n\n"))
		head = bytes.ReplaceAll(bytes.TrimRight(head, "\r\n"), []byte("\n"), []byte("\r\n"))
		raw = slices.Concat(head, []byte("\r\n\r\n"), body)
	}
	if n := len(bytes.TrimRight(body, "\r\n")); n > 0 && !framed(head) {
		return nil, fmt.Errorf("the request has no Content-Length, so what follows its head is not read: write Content-Length: %d", n)
	}
	return raw, nil
}

// framed reports whether a head says that a body follows.
func framed(head []byte) bool {
	for line := range bytes.Lines(head) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) || bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			return true
		}
	}
	return false
}

func explain(w io.Writer, file string, raw []byte, client netip.Addr) error {
	p, err := proxy.New(proxy.Options{
		Boot: config.DefaultBoot(), Source: config.FileSource(file), Log: zerolog.Nop(),
		Events: audit.New(io.Discard, audit.Options{}), Registry: prometheus.NewRegistry(), Version: version,
	})
	if err != nil {
		return err
	}
	e, err := p.Explain(raw, netip.AddrPortFrom(client, 40000))
	if err != nil {
		return err
	}
	return printExplanation(w, e)
}

func printExplanation(out io.Writer, e *proxy.Explanation) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "request\t%s %s\t(host %s)\n\nroutes, most specific first\n", clean(e.Method), clean(e.Path), clean(e.Host))
	for _, d := range e.Routes {
		mark := " "
		if d.Selected {
			mark = "→"
		}
		fmt.Fprintf(w, "%s %s\t%s\n", mark, d.ID, clean(d.Why))
	}
	if e.Policy != nil {
		fmt.Fprintf(w, "\npolicy %s\tvalue\tfrom\n", e.Policy.ID)
		for _, v := range e.Policy.Values() {
			text, err := valueText(v.Value)
			if err != nil {
				return fmt.Errorf("print policy: %w", err)
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\n", v.Path, shorten(text, 80), v.Source)
		}
	}
	fmt.Fprintf(w, "\nrules that matched\tscore\ttarget\n")
	for _, m := range e.Findings.Matches {
		target := ""
		if len(m.Targets) > 0 {
			target = m.Targets[0].Name + " = " + clean(audit.Mask(m.Targets[0].Name, m.Targets[0].Value))
		}
		score := strconv.Itoa(m.Score)
		if m.Paranoia > e.Policy.Paranoia.Blocking {
			score = fmt.Sprintf("(%d at paranoia %d)", m.Score, m.Paranoia) // reported, not counted
		}
		fmt.Fprintf(w, "  %d %s\t%s\t%s\n", m.RuleID, shorten(clean(audit.MaskText(m.Message)), 120), score, target)
	}
	if len(e.Findings.Matches) == 0 {
		fmt.Fprintln(w, "  none")
	}
	fmt.Fprintf(w, "\nscreen\t%s\n", screenText(e))
	fmt.Fprintf(w, "score\t%d inbound\n", e.Findings.InboundScore)
	fmt.Fprintf(w, "verdict\t%s\t%s\n", e.Verdict, strings.TrimSpace(statusText(e)+" "+e.Failure))
	if e.CoverageReason == "" {
		fmt.Fprintf(w, "coverage\t%s\n", e.Coverage)
	} else {
		fmt.Fprintf(w, "coverage\t%s\t%s\n", e.Coverage, e.CoverageReason)
	}
	return w.Flush()
}

// screenText says whether the rules were asked, and why.
func screenText(e *proxy.Explanation) string {
	a := &e.Asked
	switch {
	case e.CoverageReason == "budget" && e.Screened == "":
		return "none: the budget was spent before it had an answer"
	case e.Screened == "":
		return "none: nothing is inspected"
	case e.CoverageReason == "refused":
		return "none: the request was refused before"
	case e.Screened == "off":
		return "off: " + e.NoScreen
	case e.Screened == "clean":
		return "proved clean, the rules were not asked"
	case a.What != "":
		return "asked the rules: " + a.What
	case a.Target == "":
		return fmt.Sprintf("asked the rules: %d may match", a.Rule)
	}
	return fmt.Sprintf("asked the rules: %d may match %s = %s", a.Rule, clean(a.Target), shorten(clean(audit.Mask(a.Target, a.Value)), 80))
}

// valueText is a setting in one line: lists of exclusions and rules by what tells them
// apart, everything else as JSON.
func valueText(v any) (string, error) {
	var items []string
	switch v := v.(type) {
	case time.Duration:
		return v.String(), nil
	case []config.Exclusion:
		for _, x := range v {
			item := x.Rules + x.Tag
			if x.Rule != 0 {
				item = strconv.Itoa(x.Rule)
			}
			if x.Target != "" {
				item += " " + x.Target
			}
			if x.Path != "" {
				item += " below " + x.Path
			}
			items = append(items, item)
		}
	case []config.Rules:
		for _, r := range v {
			items = append(items, r.Source)
		}
	default:
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		err := e.Encode(v)
		return strings.TrimSpace(b.String()), err
	}
	if items == nil {
		return "none", nil
	}
	return strings.Join(items, ", "), nil
}

func statusText(e *proxy.Explanation) string {
	if e.Status == 0 {
		return "goes to the upstream"
	}
	return fmt.Sprintf("answered with %d", e.Status)
}

// clean keeps a request's bytes from driving the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return '.'
		}
		return r
	}, s)
}

func shorten(s string, letters int) string {
	if r := []rune(s); len(r) > letters {
		return string(r[:letters-1]) + "…"
	}
	return s
}
