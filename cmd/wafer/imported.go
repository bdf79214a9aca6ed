package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/config/file"
	"github.com/wafer-waf/wafer/importer"
	"github.com/wafer-waf/wafer/importer/prove"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/proxy"
)

// compiles reports what the tier refuses of a route file that is not written yet.
func compiles(routes []byte) error {
	c, err := config.ParseRoutes("imported", routes, nil)
	if err == nil {
		_, err = proxy.Check(c)
	}
	var problems config.Problems
	if !errors.As(err, &problems) {
		return err
	}
	// Lines within a text change with the first that is taken out, so only that one is told.
	told := map[string]bool{}
	var refusals []string
	for _, p := range problems {
		switch {
		case p.TextLine == 0:
			refusals = append(refusals, p.Error())
		case !told[p.Path]:
			told[p.Path] = true
			refusals = append(refusals, fmt.Sprintf("%s line %d: %s", p.Path, p.TextLine, p.What))
		}
	}
	return errors.New(strings.Join(refusals, "\n"))
}

// proving says whether an import is to be proved, and how thoroughly.
type proving struct {
	on    bool
	every int
}

func (p *proving) flags(c *cobra.Command) {
	c.Flags().BoolVar(&p.on, "prove", false, "have the old rules and what was imported judge attacks, print what differs and exit with 1 if something does")
	c.Flags().IntVar(&p.every, "prove-every", 1, "with --prove, take every Nth attack only")
}

// printImport prints what was imported, once the tier takes it, with what is to know on top of it and on
// standard error.
func printImport(c *cobra.Command, o *importer.Outcome, strict bool, proof proving) error {
	if err := o.Settle(compiles); err != nil {
		return err
	}
	text, err := o.YAML()
	if err != nil {
		return err
	}
	var head strings.Builder
	for _, n := range o.Notes {
		fmt.Fprintf(&head, "# %s\n", strings.ReplaceAll(n.String(), "\n", "\n#   "))
		fmt.Fprintln(c.ErrOrStderr(), n)
	}
	if head.Len() > 0 {
		text = slices.Concat([]byte("# Not carried, or to know:\n"), []byte(head.String()), []byte("\n"), text)
	}
	if _, err := c.OutOrStdout().Write(text); err != nil {
		return err
	}
	differs := false
	if proof.on {
		if differs, err = proveImport(c.ErrOrStderr(), o, proof.every); err != nil {
			return err
		}
	}
	switch {
	case differs:
		return saidError{error: errors.New("what was imported decides otherwise than the old rules")}
	case strict && slices.ContainsFunc(o.Notes, func(n importer.Note) bool { return n.Level == importer.Decide }):
		return saidError{error: errors.New("something is left to decide")}
	}
	return nil
}

// proveImport compares each policy with the rules that it came from, and reports whether something differs.
func proveImport(w io.Writer, o *importer.Outcome, every int) (differs bool, err error) {
	for i, d := range o.Drafts {
		p := o.Policies[i]
		if d == nil || p.Mode == "off" {
			continue
		}
		s := prove.Subject{Policy: p.ID, Mode: p.Mode, Host: hostOf(o, p.ID), Draft: d}
		if s.New, err = asks(p); err != nil {
			return false, err
		}
		plain := p
		plain.Exclusions, plain.RulesBefore, plain.RulesAfter = nil, nil, nil
		if s.Plain, err = asks(plain); err != nil {
			return false, err
		}
		proof, err := prove.Run(&s, every)
		if err != nil {
			return false, fmt.Errorf("prove policy %s: %w", p.ID, err)
		}
		proof.Write(w)
		differs = differs || proof.Differs()
	}
	return differs, nil
}

// hostOf is a host of a route with a policy, if one is written out.
func hostOf(o *importer.Outcome, policy string) string {
	for _, r := range o.Routes {
		for _, h := range r.Hosts {
			if r.Policy == policy && !strings.HasPrefix(h, "*") {
				return h
			}
		}
	}
	return ""
}

// asks has a tier judge requests that takes all of them under one policy.
func asks(p file.Policy) (prove.Ask, error) {
	p.InspectionBudget = "10s" // what is decided does not depend on how busy this machine is
	text, err := (&file.Entries{
		Routes:    []file.Route{{ID: "proof", Policy: p.ID, Upstreams: []file.UpstreamRef{{ID: "proof"}}}},
		Upstreams: []file.Upstream{{ID: "proof", Endpoints: []string{"http://proof.invalid:80"}}},
		Policies:  []file.Policy{p},
	}).YAML()
	if err != nil {
		return nil, err
	}
	routes, err := config.ParseRoutes("proof", text, nil)
	if err != nil {
		return nil, err
	}
	tier, err := proxy.New(proxy.Options{
		Boot: config.DefaultBoot(), Source: config.FixedSource(routes), Log: zerolog.Nop(),
		Events: audit.New(io.Discard, audit.Options{}), Registry: prometheus.NewRegistry(), Version: version,
	})
	if err != nil {
		return nil, err
	}
	from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 40000)
	return func(request []byte) (bool, []int, error) {
		e, err := tier.Explain(request, from)
		if err != nil {
			return false, nil, err
		}
		if slices.Contains([]string{inspect.NoPlace.Word, inspect.NoMemory.Word, inspect.OutOfBudget.Word, inspect.EngineFailed.Word}, e.Failure) {
			return false, nil, fmt.Errorf("the tier has no verdict: %s", e.Failure)
		}
		var rules []int
		for _, m := range e.Findings.Matches {
			rules = append(rules, m.RuleID)
		}
		return e.Verdict != inspect.Pass.String(), rules, nil
	}, nil
}
