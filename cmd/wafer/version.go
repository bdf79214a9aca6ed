package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/waf"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the product and of what it embeds",
		Args:  noArgs(""),
		RunE: func(c *cobra.Command, _ []string) error {
			coraza, crs := waf.Versions()
			_, err := fmt.Fprintf(c.OutOrStdout(), "wafer %s\ncoraza %s\ncoreruleset %s\n%s %s/%s\n", version, coraza, crs, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
