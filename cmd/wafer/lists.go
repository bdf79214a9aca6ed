package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/proxy"
	"github.com/wafer-waf/wafer/snapshot"
)

func newLists() *cobra.Command {
	var offline bool
	var output string
	c := &cobra.Command{
		Use:   "lists ROUTES [ADDRESS...]",
		Short: "Read the lists of addresses, and tell which of them have an address",
		Long: `Read the lists and the databases of places that a route file names, as a tier that starts would, and tell
what came of it. URLs are asked; what a running tier has at the moment, its admin listener says at /api/v1/lists.

With addresses, tell of each which entry of which list it is in, and where it is.

Exit with 0 if all lists are good, 1 if one is not.`,
		Example: `  wafer lists routes.yaml
  wafer lists routes.yaml 192.0.2.7 2001:db8::1`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: routeFiles,
		RunE: func(c *cobra.Command, args []string) error {
			addresses, err := parseAddresses(args[1:])
			if err != nil {
				return err
			}
			routes, err := config.LoadRoutes(args[0])
			if err != nil {
				return err
			}
			states, err := proxy.AskLists(routes, !offline, addresses)
			if err != nil {
				return err
			}
			if err := writeLists(c.OutOrStdout(), output, addresses, states); err != nil {
				return err
			}
			for _, l := range states[0].Lists {
				if l.Failing != "" {
					return fmt.Errorf("list %q: %s", l.ID, l.Failing)
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&offline, "offline", false, "ask no URLs")
	words(c, "output", "o", &output, "text for people, or json", "text", "json")
	return c
}

func parseAddresses(texts []string) (all []netip.Addr, err error) {
	for _, text := range texts {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no address: write one such as 203.0.113.9, without a port", text)
		}
		all = append(all, a)
	}
	return all, nil
}

// writeLists tells how lists do or, if there are addresses, which entries those are in.
func writeLists(w io.Writer, output string, addresses []netip.Addr, states []snapshot.ListsState) error {
	to := bufio.NewWriter(w) // which keeps its first error
	if output == "json" {
		e := json.NewEncoder(to)
		e.SetIndent("", "  ")
		return errors.Join(e.Encode(states), to.Flush())
	}
	if len(addresses) == 0 {
		writeListStates(to, &states[0])
		return to.Flush()
	}
	for i, a := range addresses {
		s := &states[i]
		place := ""
		if len(s.Geo) > 0 {
			place = ", " + known(s.Country) + ", no known network"
			if s.ASN != 0 {
				place = fmt.Sprintf(", %s, AS%d", known(s.Country), s.ASN)
			}
		}
		fmt.Fprintf(to, "%s%s\n", a, place)
		found := false
		for _, l := range s.Lists {
			if l.Entry != "" {
				found = true
				fmt.Fprintf(to, "  %s\n", l.Entry)
			}
		}
		if !found {
			fmt.Fprintln(to, "  in no list")
		}
	}
	return to.Flush()
}

func known(country string) string {
	if country == "" {
		return "no known country"
	}
	return country
}

func writeListStates(to io.Writer, s *snapshot.ListsState) {
	for _, l := range s.Lists {
		said := fmt.Sprintf("%d entries", l.Entries)
		switch {
		case l.Unasked:
			said = "not asked"
		case l.Failing != "":
			said = "failing: " + l.Failing
		case l.Bad > 0:
			said += fmt.Sprintf(", %d unreadable", l.Bad)
		}
		fmt.Fprintf(to, "%s: %s (%s)\n", l.ID, said, l.Source)
		for _, bad := range l.Told {
			fmt.Fprintf(to, "  %s\n", bad)
		}
	}
	for _, d := range s.Geo {
		fmt.Fprintf(to, "%s: %s, made %s\n", d.File, d.Kind, d.Built.UTC().Format("2006-01-02"))
	}
}
