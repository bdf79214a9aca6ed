package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/cmd/wafer/demo"
	"github.com/wafer-waf/wafer/config"
)

func newDemo() *cobra.Command {
	var listen, adminAddr string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run the tier in front of two demo applications, all built in",
		Args:  noArgs(""),
		RunE: func(c *cobra.Command, _ []string) error {
			backends, err := demo.Start(c.Context())
			if err != nil {
				return err
			}
			defer backends.Close()
			routes, err := config.ParseRoutes("demo", demo.Routes(backends.Shop, backends.Legacy), nil)
			if err != nil {
				return err
			}
			boot := config.DefaultBoot()
			boot.Listen, boot.Admin, boot.DrainDelay = listen, adminAddr, 0
			return serve(c.Context(), boot, config.FixedSource(routes), func(people io.Writer, traffic, admin string) {
				_, port, _ := net.SplitHostPort(traffic)
				fmt.Fprintf(people, "\nhttp://shop.localhost:%s blocks, also as http://localhost:%[1]s; http://legacy.localhost:%[1]s only detects; what they do is shown on http://%s/. Try:\n", port, admin)
				for _, e := range demo.Curl(traffic, admin) {
					fmt.Fprintf(people, "\n  # %s\n  %s\n", e.Title, e.Command)
				}
				fmt.Fprintln(people, "\nCtrl-C ends it.")
			})
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address of the traffic listener, host:port")
	c.Flags().StringVar(&adminAddr, "admin", "127.0.0.1:9090", "address of the admin listener, host:port")
	c.AddCommand(newDemoBackends())
	return c
}

// newDemoBackends is what the quickstart in manifests puts behind the tier.
func newDemoBackends() *cobra.Command {
	var shop, legacy string
	c := &cobra.Command{
		Use:   "backends",
		Short: "Run the two demo applications alone, for a tier elsewhere",
		Args:  noArgs(""),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			b, err := demo.StartAt(ctx, shop, legacy)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "shop on %s, guestbook on %s\n", b.Shop, b.Legacy)
			b.Wait()
			return b.Close()
		},
	}
	c.Flags().StringVar(&shop, "shop", "127.0.0.1:8081", "address of the shop, host:port")
	c.Flags().StringVar(&legacy, "legacy", "127.0.0.1:8082", "address of the guestbook, host:port")
	return c
}
