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
	os.Exit(runCommand(os.Stdout, os.Args[1:]))
}

// runCommand runs a command, and returns what to exit with.
func runCommand(stdout *os.File, args []string) int {
	out := &output{file: stdout}
	c := newCommand()
	c.SetOut(out)
	c.SetArgs(args)
	err := c.ExecuteContext(context.Background())
	var said saidError
	switch {
	case out.err != nil && (err == nil || errors.As(err, &said)):
		err, said = out.err, saidError{}
	case out.err != nil && !errors.Is(err, out.err):
		err = errors.Join(err, out.err)
	}
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &said):
		say(err)
	}
	return max(said.code, 1)
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
