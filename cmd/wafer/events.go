package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/recent"
)

// eventsCommand shows events of files or of a tier that runs.
type eventsCommand struct {
	adminClient
	filters map[string]*[]string // by parameter of the admin API
	follow  bool
	scope   string
	output  string
	limit   int
	most    int           // bytes of events that are held
	silence time.Duration // after which a stream counts as dead

	out, warn io.Writer
	filter    recent.Filter
}

// newEvents is "wafer events".
func newEvents() *cobra.Command {
	e := &eventsCommand{filters: map[string]*[]string{}, most: eventsHeld, silence: streamSilence}
	return e.command()
}

func (e *eventsCommand) command() *cobra.Command {
	c := &cobra.Command{
		Use:   "events [FILE...]",
		Short: "Show events of a tier that runs, or of files",
		Long: `Show events of a tier that runs, or of files, filtered, the oldest first.

Without a file the admin listener of a tier is asked for the latest events that it remembers. A file may be what a sink
writes, with what was put aside beside it, the output of wafer serve or of kubectl logs, or - for standard input; what is
gzipped is unpacked. Of several values of a filter one has to fit, of several filters all.`,
		Example: `  wafer events --verdict block --since 15m
  wafer events --follow --scope tier --admin http://wafer-admin:9090 --token-file token
  wafer events --rule 942000-942999 --output csv /var/log/wafer/events.jsonl > sqli.csv
  kubectl logs -l app.kubernetes.io/name=wafer --prefix | wafer events --client 192.0.2.0/24 -`,
		RunE: func(c *cobra.Command, files []string) error {
			e.out, e.warn = c.OutOrStdout(), c.ErrOrStderr()
			if err := e.check(c, files); err != nil {
				return err
			}
			p, err := e.printer()
			if err != nil {
				return err
			}
			if len(files) > 0 {
				return e.files(c.Context(), files, p)
			}
			return e.tier(c.Context(), p)
		},
	}
	e.adminClient.flags(c.Flags())
	f := c.Flags()
	for _, name := range recent.Parameters() {
		values := new([]string)
		e.filters[name] = values
		f.StringArrayVar(values, strings.ReplaceAll(name, "_", "-"), nil, filterUsage(name))
	}
	f.BoolVarP(&e.follow, "follow", "f", false, "go on with events as they come")
	f.StringVar(&e.scope, "scope", "pod", "of a tier: pod, the one that is asked, or tier, all of them")
	f.StringVarP(&e.output, "output", "o", "", "console, json (an event in each line) or csv; default: console on a terminal, else json")
	f.IntVarP(&e.limit, "limit", "n", 0, "show the latest events, so many; default: all of a file, 100 of a tier, 10 before what --follow shows")
	complete(c, "scope", "pod", "tier")
	complete(c, "output", "console", "json", "csv")
	complete(c, "kind", "access", "security", "ban")
	return c
}

// filterUsage says in a word what a filter takes. What fits is the same as with the admin API.
func filterUsage(name string) string {
	return map[string]string{
		"kind": "access, security or ban", "route": "id of a route", "policy": "id of a policy", "host": "exactly", "method": "exactly",
		"verdict": "such as block or would_block", "coverage": "full, headers, partial or none", "request_id": "exactly",
		"status": "403, 4xx or 500-504", "rule": "id of a rule that decided or found something, or a range such as 942000-942999",
		"client": "address or network", "path": "beginning of the path", "text": "anywhere in a value, in capitals or not",
		"since": "a time such as 2026-11-30T20:15:00Z, or how long ago, such as 15m", "until": "likewise",
	}[name]
}

// check reads what was given.
func (e *eventsCommand) check(c *cobra.Command, files []string) error {
	given := url.Values{}
	for name, values := range e.filters {
		given[name] = *values
	}
	var err error
	if e.filter, err = recent.ParseFilter(given, time.Now()); err != nil {
		return fmt.Errorf("--%s", strings.ReplaceAll(err.Error(), "\n", "\n--"))
	}
	if e.scope != "pod" && e.scope != "tier" {
		return fmt.Errorf("--scope: %q is neither pod nor tier", e.scope)
	}
	if e.limit < 0 {
		return fmt.Errorf("--limit: %d is negative", e.limit)
	}
	if e.follow && !e.filter.Until.IsZero() {
		return errors.New("--follow shows what comes, and --until is over: remove one of the two")
	}
	if len(files) == 0 {
		if e.follow && !e.filter.Since.IsZero() {
			return errors.New("--since has no effect beside --follow of a tier: --limit says how many events of before to show")
		}
		return nil
	}
	for _, name := range append(adminFlags(), "scope") {
		if c.Flags().Changed(name) {
			return fmt.Errorf("--%s is for a tier that runs, and has no effect beside files: remove one of the two", name)
		}
	}
	if e.follow && len(files) > 1 {
		return fmt.Errorf("--follow goes on with one file: %d were given", len(files))
	}
	return nil
}

// printer is what events are written with.
func (e *eventsCommand) printer() (eventPrinter, error) {
	word := e.output
	if word == "" {
		word = "json"
		if isTerminal(e.out) {
			word = "console"
		}
	}
	switch word {
	case "console":
		return newConsolePrinter(e.out), nil
	case "json":
		return newJSONPrinter(e.out), nil
	case "csv":
		return newCSVPrinter(e.out), nil
	}
	return nil, fmt.Errorf("--output: %q is neither console, json nor csv", word)
}

// say tells people something beside the events.
func (e *eventsCommand) say(format string, args ...any) {
	fmt.Fprintln(e.warn, shownError(fmt.Errorf(format, args...)))
}

// limitOr is how many events to show at most.
func (e *eventsCommand) limitOr(unasked int) int {
	if e.limit > 0 {
		return e.limit
	}
	return unasked
}
