// Command wafer is a WAF tier for Kubernetes: a reverse proxy that runs between Services
// and the applications behind them, and inspects what passes.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"
)

// version is set when the binary is linked.
var version = "dev"

func main() {
	if err := newCommand().ExecuteContext(context.Background()); err != nil {
		var said saidError
		if !errors.As(err, &said) {
			say(err)
		}
		os.Exit(max(said.code, 1))
	}
}

// saidError is an error that the user has read already.
type saidError struct {
	error
	code int // to exit with; 0: 1
}

func newCommand() *cobra.Command {
	c := &cobra.Command{
		Use:           "wafer",
		Short:         "A WAF tier between Kubernetes Services and the applications behind them",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.SetFlagErrorFunc(unknownFlag)
	c.AddCommand(newServe(), newHold(), newDemo(), newCheck(), newExplain(), newReplay(), newDiff(), newTop(), newEvents(), newRecords(), newLists(), newBans(), newK8s(), newImport(), newAdminToken(), newVersion())
	completions(c)
	return c
}
