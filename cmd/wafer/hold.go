package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/hold"
)

// newHold is "wafer hold".
func newHold() *cobra.Command {
	var patience time.Duration
	c := &cobra.Command{
		Use:   "hold SOCKET",
		Short: "Hold the listening socket of a tier that may be killed",
		Long: `Hold the listening socket of a tier that may be killed, in a process of its own.

"wafer serve --hold SOCKET" gives its listening socket to the process that listens on the
Unix socket SOCKET. When it is killed, connections wait for the next "wafer serve" instead of being
refused; what was in flight is lost. A tier that ends by itself is not held.`,
		Example: `  wafer hold /run/wafer/hold.sock &
  wafer serve --routes routes.yaml --hold /run/wafer/hold.sock`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if patience <= 0 {
				return errors.New("--patience: it must be longer than 0")
			}
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			log := zerolog.New(c.ErrOrStderr()).With().Timestamp().Str("component", "hold").Logger()
			return hold.NewKeeper(patience, log).Serve(ctx, args[0])
		},
	}
	c.Flags().DurationVar(&patience, "patience", 10*time.Second, "let connections wait so long for a process that serves, then refuse them")
	return c
}
