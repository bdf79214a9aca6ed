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

// noArgs refuses arguments of a command that has none: with hint, which says where they belong, or with the name of
// the subcommand that was probably meant.
func noArgs(hint string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		var known []string
		for _, sub := range c.Commands() {
			if sub.Hidden {
				continue
			}
			known = append(known, sub.Name())
			if strings.HasPrefix(sub.Name(), args[0]) {
				return fmt.Errorf("unknown command %q for %q: did you mean %q?", args[0], c.CommandPath(), sub.Name())
			}
		}
		switch meant := suggest.Nearest(args[0], known); {
		case meant != "":
			return fmt.Errorf("unknown command %q for %q: did you mean %q?", args[0], c.CommandPath(), meant)
		case len(known) > 0:
			return fmt.Errorf("unknown command %q for %q: there are %s", args[0], c.CommandPath(), strings.Join(known, ", "))
		case hint != "":
			return fmt.Errorf("%s takes no argument %q: %s %s", c.CommandPath(), args[0], hint, args[0])
		}
		return fmt.Errorf("%s takes no argument %q", c.CommandPath(), args[0])
	}
}

// serveArgs refuses arguments of serve, which are most often a route file or a backend.
func serveArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 && strings.Contains(args[0], "://") {
		return noArgs("write --to")(c, args)
	}
	return noArgs("write --routes")(c, args)
}
