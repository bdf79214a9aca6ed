package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/importer"
	"github.com/wafer-waf/wafer/proxy"
)

// compiles reports what the tier refuses of a route file that is not written yet.
func compiles(routes []byte) error {
	c, err := config.ParseRoutes("imported", routes, nil)
	if err != nil {
		return err
	}
	_, err = proxy.Check(c)
	return err
}

// printImport prints what was imported, once the tier takes it, with what is to know on top of it and on
// standard error.
func printImport(c *cobra.Command, o *importer.Outcome, strict bool) error {
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
		fmt.Fprintf(c.OutOrStdout(), "# Not carried, or to know:\n%s\n", head.String())
	}
	if _, err := c.OutOrStdout().Write(text); err != nil {
		return err
	}
	if strict && slices.ContainsFunc(o.Notes, func(n importer.Note) bool { return n.Level == importer.Decide }) {
		return saidError{error: errors.New("something is left to decide")}
	}
	return nil
}
