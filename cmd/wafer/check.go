package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/proxy"
)

func newCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check ROUTES",
		Short: "Build everything a route file describes, and print every problem",
		Long: `Build everything a route file describes: routes, upstreams, engines, and the proof
that every blocking policy blocks. Exit with 0 if it all builds, else print every
problem with its file and key path and exit with 1.`,
		Args:              oneRouteFile,
		ValidArgsFunction: routeFiles,
		RunE: func(c *cobra.Command, args []string) error {
			routes, err := config.LoadRoutes(args[0])
			if err != nil {
				return err
			}
			d, err := proxy.CheckWith(routes, newProgress(c.ErrOrStderr()).compiling)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stdout, "%s: ok: %d routes, %d upstreams, %d policies, %d engines\n", args[0], d.Routes, d.Upstreams, len(d.Policies), d.Engines)
			for _, p := range d.Policies {
				fmt.Fprintf(os.Stdout, "  policy %s: %s, %d rules, used by %d routes\n", p.ID, p.Mode, p.Rules, p.Routes)
				printProof(os.Stdout, p.Proof)
				if p.NoScreen != "" {
					fmt.Fprintf(os.Stdout, "    no screen, all requests go to the rule engine: %s\n", p.NoScreen)
				}
			}
			return nil
		},
	}
}

// oneRouteFile takes the one argument of commands that look at a route file.
func oneRouteFile(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("give one route file: %s ROUTES", c.CommandPath())
	}
	return nil
}
