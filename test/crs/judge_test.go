package crs

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/importer/suite"
)

// judge returns what is not as out wants it.
func (x *exchange) judge(out *suite.Output) []string {
	var problems []string
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	switch {
	case x.err != nil && out.ExpectError:
		return nil
	case x.err != nil:
		report("no answer: %v", x.err)
		return problems
	case x.access == nil:
		report("no access event, request id %q", x.id)
		return problems
	case x.refused() && x.reached:
		report("refused with %d (%v), but it reached the backend", x.status, x.access["error"])
		return problems
	case x.refused() && out.ExpectError:
		return nil
	case x.refused() && out.Status == x.status:
		return x.judgeLog(out)
	case x.refused(): // whatever the log does not hold, no rule was asked
		report("refused with %d (%v), before any rule", x.status, x.access["error"])
		return problems
	case out.ExpectError:
		report("status %d, want an error", x.status)
	}
	if out.Status != 0 && x.status != out.Status {
		report("status %d, want %d", x.status, out.Status)
	}
	// A rule that was not asked has not shown that it keeps quiet. Of a body that cannot be read, of files and of
	// bytes, rules are shown what there is for them.
	shown := []any{"unreadable", "files", "binary"}
	if x.access["coverage"] != "full" && !slices.Contains(shown, x.access["coverage_reason"]) {
		report("coverage %v (%v)", x.access["coverage"], x.access["coverage_reason"])
	}
	if n := x.security["rules_dropped"]; n != nil {
		report("the event leaves %v rules out", n)
	}
	return append(problems, x.judgeLog(out)...)
}

func (x *exchange) judgeLog(out *suite.Output) []string {
	var problems []string
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	ids := x.ids()
	for _, id := range out.Log.Expect {
		if !slices.Contains(ids, id) {
			report("no match of %d; matched: %v", id, ids)
		}
	}
	for _, id := range out.Log.NoExpect {
		if slices.Contains(ids, id) {
			report("%d matched", id)
		}
	}
	for _, pattern := range []struct {
		text string
		want bool
	}{{out.Log.MatchRegex, true}, {out.Log.NoMatchRegex, false}} {
		if pattern.text == "" {
			continue
		}
		rx, err := logPattern(pattern.text)
		if err != nil {
			report("%v", err)
		} else if rx.MatchString(x.log()) != pattern.want {
			report("match of %s is %v, in\n%s", rx, !pattern.want, x.log())
		}
	}
	return problems
}

// within is where a pattern goes from the piece that matched to the variable it is in.
var within = regexp.MustCompile(` found within ([A-Z_]+(?::\w+)?:? ?)`)

// logPattern adapts a pattern to exchange.log, which has the variable's whole value where
// the pattern has pieces of it: something may stand before and after each.
func logPattern(text string) (*regexp.Regexp, error) {
	text = within.ReplaceAllString(text, ".* found within $1.*")
	return regexp.Compile(strings.Replace(text, "Matched Data: ", "Matched Data: .*", 1))
}

// judgeRefused returns what speaks against "the tier refused this and passed nothing on".
func (x *exchange) judgeRefused() []string {
	var problems []string
	switch {
	case x.err != nil:
		problems = append(problems, fmt.Sprintf("no answer: %v", x.err))
	case x.access == nil:
		problems = append(problems, "no access event")
	case !x.refused():
		problems = append(problems, fmt.Sprintf("not refused, but verdict %v", x.access["verdict"]))
	case x.status < http.StatusBadRequest:
		problems = append(problems, fmt.Sprintf("status %d, want 4xx or 5xx", x.status))
	}
	if x.reached {
		problems = append(problems, "it reached the backend")
	}
	return problems
}
