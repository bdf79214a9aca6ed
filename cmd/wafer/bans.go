package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/access/ban"
	"github.com/wafer-waf/wafer/admin"
	"github.com/wafer-waf/wafer/proxy"
)

// bansOf gives the admin listener the bans of a tier.
func bansOf(p *proxy.Proxy) admin.Bans {
	here := func(value any, err error) (any, error) {
		if errors.Is(err, ban.ErrHere) {
			return value, admin.ErrHere
		}
		return value, err
	}
	return admin.Bans{
		List: func(who, cursor string, most int) (any, error) { return p.ListBans(who, cursor, most) },
		Add: func(ctx context.Context, ask url.Values) (any, error) {
			o, err := banOrder(ask)
			if err != nil {
				return nil, err
			}
			return here(p.AddBan(ctx, o))
		},
		Clear: func(ctx context.Context, ask url.Values) (any, error) {
			o, err := banOrder(ask)
			if err != nil {
				return nil, err
			}
			n, err := p.ClearBans(ctx, o)
			return here(map[string]int{"cleared": n}, err)
		},
	}
}

func banOrder(ask url.Values) (o proxy.BanOrder, err error) {
	o = proxy.BanOrder{Who: ask.Get("who"), Scope: ask.Get("scope"), Where: ask.Get("where"), Reason: ask.Get("reason"), All: ask.Get("all") == "true"}
	if text := ask.Get("for"); text != "" {
		if o.For, err = time.ParseDuration(text); err != nil {
			return o, fmt.Errorf("for: %q is no time: write it like 1h", text)
		}
	}
	return o, nil
}

// banCommand is how a tier is asked about bans.
type banCommand struct{ adminClient }

// newBans is "wafer bans".
func newBans() *cobra.Command {
	b := &banCommand{}
	c := &cobra.Command{
		Use:   "bans",
		Short: "List, add and clear bans of a tier that runs",
		Long: `List, add and clear bans of a tier that runs.

The tier is asked through its admin listener. With a store, all replicas know of the change within a
second; without one it holds for the replica that is asked.`,
		Example: `  wafer bans list
  wafer bans add 192.0.2.7 --for 24h --reason "scraper"
  wafer bans add 2001:db8:1:2::/64 --for 1h --scope route --where shop
  wafer bans clear 192.0.2.7`,
	}
	b.flags(c.PersistentFlags())
	c.AddCommand(b.list(), b.add(), b.clear())
	return c
}

func (b *banCommand) list() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [ADDRESS]",
		Short: "List who is banned",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ask := url.Values{}
			if len(args) > 0 {
				ask.Set("who", args[0])
			}
			return b.pages(c, ask, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each")
	return c
}

// pages prints all bans, page by page.
func (b *banCommand) pages(c *cobra.Command, ask url.Values, asJSON bool) error {
	out := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	for first := true; ; first = false {
		var page proxy.Bans
		if _, err := b.do(c.Context(), http.MethodGet, ask, &page, func() bool { return page.Shared != "" }); err != nil {
			return err
		}
		if first && page.Shared == "down" {
			fmt.Fprintln(c.ErrOrStderr(), "the store is down: these are the bans that this replica knows")
		}
		if first && !asJSON && len(page.Bans) > 0 {
			fmt.Fprintln(out, "WHO\tSCOPE\tRULE\tTIMES\tUNTIL\tREASON")
		}
		for i := range page.Bans {
			one := &page.Bans[i]
			if asJSON {
				if err := json.NewEncoder(c.OutOrStdout()).Encode(one); err != nil {
					return err
				}
				continue
			}
			scope := strings.TrimSpace(one.Scope + " " + one.Where)
			if one.Observe {
				scope += " (observed)"
			}
			fmt.Fprintf(out, "%s\t%s\t%s\t%d\t%s\t%s\n", printable(one.Who), printable(scope), printable(one.Rule), one.Times, one.Until.Format(time.RFC3339), printable(one.Reason))
		}
		if err := out.Flush(); err != nil { // a tier may have more than there is room for
			return err
		}
		if first && !asJSON && len(page.Bans) == 0 {
			fmt.Fprintln(c.ErrOrStderr(), "nobody is banned")
		}
		switch {
		case page.Next == "":
			return nil
		case len(page.Bans) == 0 || page.Next == ask.Get("cursor"):
			return errors.New("the admin listener (--admin) says that there are more bans, and gives none")
		}
		ask.Set("cursor", page.Next)
	}
}

func (b *banCommand) add() *cobra.Command {
	var lasts time.Duration
	var scope, where, reason string
	c := &cobra.Command{
		Use:   "add ADDRESS",
		Short: "Ban an address, of IPv6 its /64",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ask := url.Values{"who": {args[0]}, "for": {lasts.String()}, "scope": {scope}, "where": {where}, "reason": {reason}}
			var made proxy.Ban
			here, err := b.do(c.Context(), http.MethodPost, ask, &made, func() bool { return made.Who != "" })
			if err != nil {
				return err
			}
			if made.Warning != "" {
				fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", printable(made.Warning))
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s is banned until %s%s\n", printable(made.Who), made.Until.Format(time.RFC3339), here)
			return err
		},
	}
	c.Flags().DurationVar(&lasts, "for", time.Hour, "how long")
	c.Flags().StringVar(&scope, "scope", "all", "where it holds: all, host or route")
	c.Flags().StringVar(&where, "where", "", "that host, or the id of that route")
	c.Flags().StringVar(&reason, "reason", "", "why, for those who list bans")
	return c
}

func (b *banCommand) clear() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "clear [ADDRESS]",
		Short: "End the bans of an address",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if (len(args) == 0) != all {
				return errors.New("give an address, or --all")
			}
			ask := url.Values{"all": {fmt.Sprint(all)}}
			if !all {
				ask.Set("who", args[0])
			}
			var result struct {
				Cleared *int `json:"cleared"`
			}
			here, err := b.do(c.Context(), http.MethodDelete, ask, &result, func() bool { return result.Cleared != nil })
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%d cleared%s\n", *result.Cleared, here)
			return err
		},
	}
	c.Flags().BoolVar(&all, "all", false, "of everybody")
	return c
}

// bansMostBytes bounds an answer of the admin listener.
const bansMostBytes = 16 << 20

// do asks the admin listener. Here says if what was done holds for one replica only.
func (b *banCommand) do(ctx context.Context, method string, ask url.Values, into any, known func() bool) (here string, err error) {
	r, err := b.request(ctx, method, "/api/v1/bans", ask)
	if err != nil {
		return "", err
	}
	status, err := b.answer(r, &http.Client{Timeout: 30 * time.Second}, bansMostBytes, into, known)
	if status == http.StatusAccepted {
		here = "; the store is down: this holds for this replica only until it is back"
	}
	return here, err
}
