package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// diffing is how "wafer diff" is asked.
type diffing struct {
	traffics
	given  []string // files and folders with requests
	all    bool
	output string
}

func newDiff() *cobra.Command {
	var d diffing
	c := &cobra.Command{
		Use:   "diff OLD NEW --traffic FILE",
		Short: "Tell which requests two route files decide otherwise, and why",
		Long: `Run the requests of files through two route files, and tell those whose verdict, status or error changes: what each
file says, and why they differ, as far as rules, scores, thresholds, paranoia levels, exclusions, routes and modes
tell it.

Files are those that "wafer replay" reads. A request of which something is missing, such as a masked value, is tried
without it by both.

Exit with 0 if nothing changes, 3 if something does, 1 if something could not be read.`,
		Example: `  wafer diff routes.yaml routes-new.yaml --traffic records.jsonl
  git show main:routes.yaml > old.yaml && wafer diff old.yaml routes.yaml --traffic samples/ --output json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("give two route files, the old one first: wafer diff OLD NEW --traffic FILE")
			}
			if len(d.given) == 0 {
				return fmt.Errorf("give files with requests: wafer diff %s %s --traffic FILE, or - for standard input", args[0], args[1])
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error { return d.run(c, args[0], args[1]) },
	}
	d.flags(c)
	c.Flags().StringArrayVarP(&d.given, "traffic", "t", nil, "file or folder with requests, or - for standard input; may be repeated")
	c.Flags().BoolVar(&d.all, "all", false, "also tell requests that keep their verdict, but change in route, score or rules")
	words(c, "output", "o", &d.output, "text for people, or json", "text", "json")
	return c
}

// errChanges ends diff if verdicts change.
var errChanges = errors.New("verdicts change")

func (d *diffing) run(c *cobra.Command, older, newer string) error {
	tiers, err := d.ready(c, d.given, older, newer)
	if err != nil {
		return err
	}
	sum := newDiffSummary()
	out := d.printer(c.OutOrStdout())
	out.begin(older, newer)
	problems := &problemList{w: c.ErrOrStderr(), clear: d.progress.clear}
	err = d.each(c.Context(), tiers, func(one *tried) error {
		d.progress.passed(sum.Requests)
		if one.problem != nil {
			sum.Unreadable++
			problems.tell(one.problem)
			return nil
		}
		change := newChange(one)
		sum.add(change)
		if change != nil && (change.Verdict || d.all && change.Other) {
			d.progress.clear()
			out.change(change)
		}
		return out.failed()
	})
	d.progress.clear()
	if err != nil {
		return err
	}
	if out.end(sum); out.failed() != nil {
		return out.failed()
	}
	return problems.ended(sum.Requests, sum.Changed, errChanges)
}

// diffPrinter prints changes as they come, and what they add up to in the end.
type diffPrinter interface {
	begin(older, newer string)
	change(*change)
	end(*diffSummary)
	failed() error
}

func (d *diffing) printer(w io.Writer) diffPrinter {
	if d.output == "json" {
		return &diffJSON{&printed{w: w}}
	}
	return &diffText{teller{w: w, paint: paintFor(w)}}
}

// diffText prints for people.
type diffText struct{ teller }

func (p *diffText) begin(older, newer string) {
	p.line("%s\n%s\n", p.paint(faint, "--- "+older), p.paint(faint, "+++ "+newer))
}

func (p *diffText) failed() error { return p.err }

func (p *diffText) change(c *change) {
	at := printable(c.File)
	if c.Line > 0 {
		at += fmt.Sprintf(":%d", c.Line)
	}
	p.line("%s  %s", p.paint(bold, c.Request), p.paint(faint, strings.TrimSpace(c.Name+" "+at)))
	p.line("  - %s%s", p.paint(verdictColor(c.Old.Verdict), c.Old.said()), onRoute(&c.Old))
	p.line("  + %s%s", p.paint(verdictColor(c.New.Verdict), c.New.said()), onRoute(&c.New))
	for _, why := range c.Why {
		p.line("      %s", why)
	}
	if len(c.Lost) > 0 {
		p.line("      lost: %s", strings.Join(c.Lost, "; "))
	}
}

func onRoute(j *judged) string {
	if j.Route == "" {
		return ", no route"
	}
	return ", route " + j.Route + ", policy " + j.Policy
}

func (p *diffText) end(s *diffSummary) {
	if s.Changed > 0 {
		p.line("")
	}
	s.sorted()
	p.field("requests", "%d", s.Requests)
	for i, k := range s.Kinds {
		p.field(first(i, "changes"), "%7d × %s → %s", k.Requests, k.Old, k.New)
	}
	if s.Changed == 0 {
		p.field("changes", "%s", p.paint(green, "no verdict"))
	}
	if s.Rerouted > 0 {
		p.field("", "%7d × another route", s.Rerouted)
	}
	if s.Other > 0 {
		p.field("", "%7d × the same verdict, by other rules, another score or another route; --all tells them", s.Other)
	}
	for i, r := range s.Rules {
		if i == shownRules {
			p.field("", "and %d more rules", len(s.Rules)-i)
			break
		}
		p.field(first(i, "rules"), "%d: found in %d requests before and in %d now: %s", r.ID, r.Old, r.New, r.Message)
	}
	if s.Lost > 0 {
		p.field("lost", "%d requests are not whole: values are masked, or bodies cut", s.Lost)
	}
	if s.Untried+s.Unreadable > 0 {
		p.field("left out", "%d not tried, %d unreadable", s.Untried, s.Unreadable)
	}
}

// diffJSON prints one JSON document.
type diffJSON struct{ *printed }

func (p *diffJSON) begin(older, newer string) {
	p.write("{\n  \"old\": %s,\n  \"new\": %s,\n  \"changes\": [", p.value(older), p.value(newer))
}
func (p *diffJSON) change(c *change) { p.element(c) }
func (p *diffJSON) end(s *diffSummary) {
	s.sorted()
	p.write("\n  ],\n  \"summary\": %s\n}\n", p.value(s))
}
