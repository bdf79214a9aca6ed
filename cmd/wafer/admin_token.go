package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/admin"
)

func newAdminToken() *cobra.Command {
	var name, role, until string
	c := &cobra.Command{
		Use:   "admin-token --name NAME --role read|operate",
		Short: "Make a token for the admin listener",
		Long: `Make a token for the admin listener. The token is for whoever shall have it, and is printed once: it is kept
nowhere. The line with its hash is for the file that admin_tokens names; the running tier reads it within a second.

Who reads sees the configuration and events. Who operates may reload as well, change bans, and take profiles.`,
		Example: `  wafer admin-token --name grafana --role read
  curl -H "Authorization: Bearer $TOKEN" http://wafer-admin:9090/api/v1/config`,
		Args: noArgs("write --name"),
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := admin.ParseRole(role)
			if err != nil {
				return err
			}
			var end time.Time
			if until != "" {
				if end, err = time.Parse(time.RFC3339, until); err != nil {
					return fmt.Errorf("--until %q is no time: write it like 2027-01-31T00:00:00Z", until)
				}
			}
			token, line, err := admin.NewToken(name, r, end)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "token: %s\nline:  %s\n", token, line)
			return err
		},
	}
	c.Flags().StringVar(&name, "name", "", "whose it is, as the log calls them")
	c.Flags().StringVar(&role, "role", "read", "what it lets do: read or operate")
	c.Flags().StringVar(&until, "until", "", "when it ends, such as 2027-01-31T00:00:00Z; empty: never")
	return c
}
