package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/proxy"
)

// stoppedCode is the exit code for a request that does not reach the application.
const stoppedCode = 3

func newExplain() *cobra.Command {
	var in explainInput
	var verbose bool
	var output string
	c := &cobra.Command{
		Use:   "explain ROUTES [URL]",
		Short: "Tell what the tier does with a request or has done with one, why, and what would let it pass",
		Long: `Tell which route takes a request, what its policy says of it and why, which exclusions
have taken effect, and how much was inspected. If rules block it, print the exclusions that would
let it pass, tried out. Nothing is forwarded.

The request is
- given by a URL or by flags,
- read whole, as it goes over the wire, from standard input, or
- taken from an event, which --request-id chooses: one that the tier behind --admin remembers, at
  whichever pod, or one of the event log, as kubectl logs prints it, on standard input or in the
  file of --log. Without ROUTES the event is told; with
  ROUTES it is also tried again as far as it tells the request, which is without what masking and
  cutting have taken.

Exit with 0 if the request reaches the application, 3 if it does not, 1 if there is no answer.`,
		Example: `  wafer explain routes.yaml 'http://shop.example.com/search?q=1%27+OR+1=1--'
  wafer explain routes.yaml --host shop.example.com --path /login --body 'user=o%27neill&note=...'
  wafer explain routes.yaml < request.http
  wafer explain --admin http://wafer-admin:9090 --request-id 0197f2c4-8a51-7c3e-9d5b-0b8e3f6a2d11
  kubectl logs -l app.kubernetes.io/name=wafer --tail=-1 | wafer explain routes.yaml --request-id 0197f2c4-8a51-7c3e-9d5b-0b8e3f6a2d11`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: routeFiles,
		RunE: func(c *cobra.Command, args []string) error {
			in.given = c.Flags().Changed
			r, err := in.explain(c.Context(), c.InOrStdin(), args, newProgress(c.ErrOrStderr()))
			if err != nil {
				return err
			}
			if !verbose {
				r.brief()
			}
			if err := r.write(c.OutOrStdout(), output, verbose); err != nil {
				return err
			}
			if r.stopped() {
				return saidError{error: errStopped, code: stoppedCode}
			}
			return nil
		},
	}
	in.flags(c)
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "also tell why other routes do not match, each value of the policy and its source, and all that matched")
	words(c, "output", "o", &output, "text for people, or json", "text", "json")
	return c
}

// explain answers for what was asked.
func (in *explainInput) explain(ctx context.Context, stdin io.Reader, args []string, progress progress) (*report, error) {
	client, err := netip.ParseAddr(in.client)
	if err != nil {
		return nil, fmt.Errorf("--client %q is no address: write one such as 203.0.113.9, without a port", in.client)
	}
	if len(args) == 1 && strings.Contains(args[0], "://") {
		return nil, fmt.Errorf("%q is a URL, and the route file comes first: wafer explain ROUTES %q", args[0], args[0])
	}
	asked, err := in.read(ctx, stdin, args)
	if err != nil {
		return nil, err
	}
	r := &report{Event: asked.event}
	if len(args) == 0 {
		if asked.event == nil {
			return nil, fmt.Errorf("give a route file: wafer explain ROUTES; only an event can be told without one")
		}
		return r, nil
	}
	if asked.raw == nil {
		return r, nil
	}
	if asked.event != nil && asked.event.client.IsValid() && !in.given("client") {
		client = asked.event.client
	}
	secrets, err := maskingIn(in.config)
	if err != nil {
		return nil, err
	}
	p, err := explainer(args[0], secrets, progress)
	if err != nil {
		return nil, err
	}
	t := trial{p, asked.raw, netip.AddrPortFrom(client, 40000)}
	e, err := p.Explain(t.raw, t.client)
	if err != nil {
		return nil, err
	}
	r.Request = newAnswer(e)
	r.Request.Exclusions = t.applied(e)
	r.Request.Suggestion = t.suggest(e)
	progress.done()
	return r, nil
}

// explainer is the tier that would serve a route file.
func explainer(file string, secrets *mask.Policy, progress progress) (*proxy.Proxy, error) {
	return proxy.New(proxy.Options{
		Boot: config.DefaultBoot(), Source: config.FileSource(file), Log: zerolog.Nop(),
		Events: audit.New(io.Discard, audit.Options{}), Registry: prometheus.NewRegistry(), Version: version,
		Masking: secrets, Compiling: progress.compiling,
	})
}
