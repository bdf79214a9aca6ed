package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// expectations are what replay may want of every request.
const (
	expectNothing  = "nothing"
	expectPass     = "pass"
	expectStop     = "stop"
	expectRecorded = "recorded"
)

// What of the table is shown.
const (
	showAll     = "all"
	showStopped = "stopped"
	showDiffers = "differs"
	showNone    = "none"
)

// replaying is how "wafer replay" is asked.
type replaying struct {
	traffics
	expect, show, output string
	strict               bool
}

func newReplay() *cobra.Command {
	var r replaying
	c := &cobra.Command{
		Use:   "replay ROUTES FILE...",
		Short: "Run recorded requests through a route file, and tell what becomes of each",
		Long: `Run the requests of files through a route file as a tier would take them, and tell what becomes of each, in the
order of the files, and in all: by verdict, rule and coverage, and what differs from what the files recorded. Nothing
is forwarded, and no request knows of the others: limits, bans and what rules remember are not tried.

FILE is a file of records, HAR as browsers export it, raw HTTP requests one behind the other, tests of go-ftw, or a
folder of such files; also with gzip, or - for standard input. Files may be larger than memory.

Of a request whose values were masked, or whose body was cut, only the rest is tried. That is told for each of them,
and what differs then counts as unsure.

Exit with 0; with 3 if a request is not what --expect says; with 1 if something could not be read.`,
		Example: `  wafer replay routes.yaml records.jsonl
  wafer replay routes.yaml shop.har --expect pass
  wafer replay routes.yaml attacks/ --expect stop --output junit > replay.xml
  wafer replay routes.yaml records.jsonl --expect recorded --show differs`,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return errors.New("give a route file and files with requests, as in wafer replay routes.yaml records.jsonl")
			case 1:
				return fmt.Errorf("give files with requests: wafer replay %s FILE..., or - for standard input", args[0])
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error { return r.run(c, args[0], args[1:]) },
	}
	r.flags(c)
	words(c, "expect", "", &r.expect, "what every request has to do: pass (which one that would be blocked does not), be stopped (or would be), or what its file says", expectNothing, expectPass, expectStop, expectRecorded)
	words(c, "show", "", &r.show, "which requests are told one by one", showAll, showStopped, showDiffers, showNone)
	words(c, "output", "o", &r.output, "for people, for programs, for what shows results of tests, or for code hosts", "text", "json", "junit", "sarif")
	c.Flags().BoolVar(&r.strict, "strict", false, "with --expect, also fail for what is unsure")
	return c
}

// errUnexpected ends replay if a request is not what was expected.
var errUnexpected = errors.New("a request is not what was expected")

func (r *replaying) run(c *cobra.Command, routes string, names []string) error {
	tiers, err := r.ready(c, names, routes)
	if err != nil {
		return err
	}
	sum := newReplaySummary(r.expect)
	out := r.printer(c.OutOrStdout())
	out.begin(routes)
	problems := &problemList{w: c.ErrOrStderr(), clear: r.progress.clear}
	err = r.each(c.Context(), tiers, func(one *tried) error {
		r.progress.passed(sum.Requests)
		if one.problem != nil {
			sum.Unreadable++
			problems.tell(one.problem)
			out.problem(one.problem)
			return out.failed()
		}
		row := newReplayed(one)
		row.judge(r.expect, r.strict)
		sum.add(row)
		if r.shows(row) {
			r.progress.clear()
			out.row(row)
		}
		return out.failed()
	})
	r.progress.clear()
	if err != nil {
		return err
	}
	if out.end(sum); out.failed() != nil {
		return out.failed()
	}
	return problems.ended(sum.Requests, sum.Failed, errUnexpected)
}

// shows reports whether a request is told by itself.
func (r *replaying) shows(row *replayed) bool {
	switch r.show {
	case showAll:
		return true
	case showStopped:
		return row.Verdict != "pass"
	case showDiffers:
		return len(row.Differs) > 0 || len(row.Unexpected) > 0
	}
	return len(row.Unexpected) > 0 && r.output != "text" && r.output != "json" // what shows tests shows what failed
}
