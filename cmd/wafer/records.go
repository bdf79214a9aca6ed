package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/recent"
	"github.com/wafer-waf/wafer/record"
)

func newRecords() *cobra.Command {
	c := &cobra.Command{
		Use:   "records",
		Short: "Read records of transactions: list, show, export",
		Long: `Read what a tier has recorded of transactions, with heads and bodies: docs/records.md.

FILE is a file of records, also with gzip, or - for standard input; without one it is standard input. Files may be
larger than memory. A last line that is cut off, since the tier still writes, is passed over. Lines that are no
records are told, and then the exit code is 1.`,
		Args: noArgs(""),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newRecordsList(), newRecordsShow(), newRecordsExport())
	return c
}

// recordFilter chooses records. Each flag that is given must hold.
type recordFilter struct {
	routes, verdicts, clients, ids []string
	rules, statuses                []int
	since, until                   string

	from, to  time.Time
	seen, fit int // records, and those that are wanted
	bad       int // lines that are no records
}

func (f *recordFilter) flags(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.routes, "route", nil, "only of these routes, by id")
	c.Flags().StringSliceVar(&f.verdicts, "verdict", nil, "only with these verdicts, such as block or would_block")
	c.Flags().StringSliceVar(&f.clients, "client", nil, "only of these addresses")
	c.Flags().StringSliceVar(&f.ids, "request-id", nil, "only these requests")
	c.Flags().IntSliceVar(&f.rules, "rule", nil, "only those that these rules have matched, by id")
	c.Flags().IntSliceVar(&f.statuses, "status", nil, "only those that were answered so")
	c.Flags().StringVar(&f.since, "since", "", "only from then on: a time such as 2026-11-30T20:15:00Z, or how long ago, such as 2h")
	c.Flags().StringVar(&f.until, "until", "", "only until then")
}

// prepare reads the times, and has no record looked for that there cannot be.
func (f *recordFilter) prepare(now time.Time) (err error) {
	for _, word := range f.verdicts {
		if !slices.Contains(recent.Verdicts(), word) {
			return fmt.Errorf("--verdict: %q is none of %s", word, strings.Join(recent.Verdicts(), ", "))
		}
	}
	for _, one := range []struct {
		flag, text string
		into       *time.Time
	}{{"since", f.since, &f.from}, {"until", f.until, &f.to}} {
		if one.text == "" {
			continue
		}
		if ago, bad := time.ParseDuration(one.text); bad == nil {
			*one.into = now.Add(-ago)
		} else if *one.into, err = time.Parse(time.RFC3339, one.text); err != nil {
			return fmt.Errorf("--%s: %q is no time: write one such as 2026-11-30T20:15:00Z, or how long ago, such as 2h", one.flag, one.text)
		}
	}
	return nil
}

func (f *recordFilter) has(r *record.Record) bool {
	status := 0
	if r.Response != nil {
		status = r.Response.Status
	}
	return among(f.routes, r.Route) && among(f.verdicts, r.Verdict) && among(f.clients, r.Client.IP) && among(f.ids, r.RequestID) && among(f.statuses, status) &&
		(f.from.IsZero() || !r.Time.Before(f.from)) && (f.to.IsZero() || !r.Time.After(f.to)) &&
		(len(f.rules) == 0 || slices.ContainsFunc(r.Rules, func(rule record.Rule) bool { return slices.Contains(f.rules, rule.ID) }))
}

func among[T comparable](list []T, value T) bool {
	return len(list) == 0 || slices.Contains(list, value)
}

// errBadLines ends a command that was not able to read all lines.
var errBadLines = errors.New("some lines could not be read")

// each calls do with each record of files that is wanted. It says on standard error what cannot be read.
func (f *recordFilter) each(c *cobra.Command, names []string, do func(r *record.Record) error) error {
	if err := f.prepare(time.Now()); err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		if err := f.file(c, name, do); err != nil {
			return err
		}
	}
	if more := f.bad - shownProblems; more > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "and %d more that could not be read\n", more)
	}
	switch {
	case f.bad > 0:
		return saidError{errBadLines, 1}
	case f.seen == 0:
		fmt.Fprintf(c.ErrOrStderr(), "no record in %s: records are what the setting records of the boot file has the tier write; wafer events shows events\n", strings.Join(names, ", "))
		return saidError{errNoRecord, 1}
	case f.fit == 0:
		fmt.Fprintf(c.ErrOrStderr(), "none of %d records is wanted\n", f.seen)
	}
	return nil
}

// errNoRecord ends a command that was given no record.
var errNoRecord = errors.New("no record")

// file reads one file.
func (f *recordFilter) file(c *cobra.Command, name string, do func(r *record.Record) error) error {
	if name == "-" {
		return f.read(c, name, c.InOrStdin(), do)
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return f.read(c, name, file, do)
}

func (f *recordFilter) read(c *cobra.Command, name string, from io.Reader, do func(r *record.Record) error) error {
	reader := record.NewReader(from)
	for {
		one, err := reader.Next()
		var line *record.LineError
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &line):
			if f.bad++; f.bad <= shownProblems {
				fmt.Fprintln(c.ErrOrStderr(), printable(fmt.Sprintf("%s:%d: %s", name, line.Line, line.Err)))
			}
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		}
		f.seen++
		if f.has(one) {
			f.fit++
			if err := do(one); err != nil {
				return err
			}
		}
	}
}

func newRecordsList() *cobra.Command {
	var f recordFilter
	c := &cobra.Command{
		Use:   "list [FILE...]",
		Short: "List records, one a line",
		Example: `  wafer records list records.jsonl --verdict block --since 2h
  zcat old.jsonl.gz | wafer records list --route shop`,
		RunE: func(c *cobra.Command, names []string) error {
			return f.each(c, names, func(r *record.Record) error {
				_, err := io.WriteString(c.OutOrStdout(), recordLine(r))
				return err
			})
		},
	}
	f.flags(c)
	return c
}

// recordLine is a record for people, in one line.
func recordLine(r *record.Record) string {
	status := "-"
	if r.Response != nil && r.Response.Status != 0 {
		status = fmt.Sprint(r.Response.Status)
	}
	message := ""
	if r.Message != "" {
		message = " (a message of " + r.Message + ")"
	}
	return printable(fmt.Sprintf("%s %s %s %s %s %s%s %s%s", r.Time.UTC().Format("2006-01-02T15:04:05.000Z"), r.Client.IP, r.Verdict, status,
		r.Request.Method, r.Request.Host, r.Request.Target, r.RequestID, message)) + "\n"
}

// exportFormats are what records can be exported as.
const (
	exportHAR         = "har"
	exportModSecurity = "modsecurity"
	exportJSON        = "json"
)

func newRecordsExport() *cobra.Command {
	var f recordFilter
	var format string
	c := &cobra.Command{
		Use:   "export [FILE...]",
		Short: "Write records as others read them",
		Long: `Write records to standard output as others read them: as an HTTP Archive (HAR 1.2), which browsers and proxies
open; as ModSecurity 3 writes its audit log in JSON, one line each; or as they are, which chooses some of many.

Neither of the first two has a place for all of what a record says. Bytes that are no UTF-8 are escaped there as in a
URL, but for bodies in HAR, which are in Base64 then.`,
		Example: `  wafer records export records.jsonl --verdict block --format har > attacks.har
  wafer records export records.jsonl --format modsecurity > audit.json`,
		RunE: func(c *cobra.Command, names []string) error {
			out := c.OutOrStdout()
			var line []byte
			switch format {
			case exportHAR:
				har := record.NewHAR(out, version)
				err := f.each(c, names, har.Write)
				if said := (saidError{}); err != nil && !errors.As(err, &said) {
					return err
				}
				return errors.Join(err, har.End())
			case exportModSecurity:
				return f.each(c, names, func(r *record.Record) error {
					line = r.ModSecurity(line[:0])
					_, err := out.Write(line)
					return err
				})
			}
			return f.each(c, names, func(r *record.Record) error {
				line = r.Append(line[:0])
				_, err := out.Write(line)
				return err
			})
		},
	}
	f.flags(c)
	words(c, "format", "f", &format, "har, modsecurity, or json, as they are", exportHAR, exportModSecurity, exportJSON)
	return c
}
