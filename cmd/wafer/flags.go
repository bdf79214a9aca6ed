package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/wafer-waf/wafer/suggest"
)

// unknownFlag says what was probably meant by a flag that a command does not have.
func unknownFlag(c *cobra.Command, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	switch {
	case !unknown:
		return err
	case name == "version":
		return fmt.Errorf("%w: write %s version", err, c.Root().Name())
	}
	var known []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	if meant := suggest.Nearest(name, known); meant != "" {
		return fmt.Errorf("%w: did you mean --%s?", err, meant)
	}
	return fmt.Errorf("%w: %s --help lists those of this command", err, c.CommandPath())
}
