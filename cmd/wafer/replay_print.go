package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/traffic"
)

// replayPrinter prints requests as they come, and what became of all in the end. It keeps none.
type replayPrinter interface {
	begin(routes string)
	row(*replayed)
	problem(*traffic.Problem)
	end(*replaySummary)
	failed() error // that writing ended with
}

func (r *replaying) printer(w io.Writer) replayPrinter {
	p := &printed{w: w}
	switch r.output {
	case "json":
		return &replayJSON{printed: p}
	case "junit":
		return &replayJUnit{printed: p}
	case "sarif":
		return &replaySARIF{printed: p}
	}
	return &replayText{teller: teller{w: w, paint: paintFor(w)}, expect: r.expect, show: r.show}
}

// printed is a text that is written piece by piece, up to the first error.
type printed struct {
	w   io.Writer
	err error
	n   int // elements of the list at hand
}

func (p *printed) write(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printed) failed() error { return p.err }

// value is a value as JSON.
func (p *printed) value(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil && p.err == nil {
		p.err = err
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// element writes one more element of a list, in a line of its own.
func (p *printed) element(v any) {
	comma := ","
	if p.n++; p.n == 1 {
		comma = ""
	}
	p.write("%s\n    %s", comma, p.value(v))
}

// replayText prints for people.
type replayText struct {
	teller
	expect, show string
	begun        bool
}

func (p *replayText) begin(string) {}

func (p *replayText) failed() error { return p.err }

func (p *replayText) problem(*traffic.Problem) {} // told on standard error

func (p *replayText) row(r *replayed) {
	if !p.begun {
		p.begun = true
		p.line("%s", p.paint(bold, fmt.Sprintf("%-11s %-6s %-9s %-16s %-18s %s", "VERDICT", "STATUS", "SCORE", "ROUTE", "RULES", "REQUEST")))
	}
	at := printable(r.File)
	if r.Line > 0 {
		at += ":" + strconv.Itoa(r.Line)
	}
	if r.Untried != "" {
		p.line("%-11s %-6s %-9s %-16s %-18s %s", "untried", "", "", "", "", p.paint(faint, at))
		p.line("            %s", r.Untried)
		return
	}
	status, score := "", ""
	if r.Status != 0 {
		status = strconv.Itoa(r.Status)
	}
	if r.Score > 0 {
		score = fmt.Sprintf("%d of %d", r.Score, r.Threshold)
	}
	p.line("%s %-6s %-9s %-16s %-18s %s  %s", p.paint(verdictColor(r.Verdict), fmt.Sprintf("%-11s", r.Verdict)), status, score,
		shorten(r.Route, 16), r.rulesText(), r.Request, p.paint(faint, strings.TrimSpace(r.Name+" "+at)))
	tell := func(what string, all []string) {
		if len(all) > 0 {
			p.line("            %s: %s", what, strings.Join(all, "; "))
		}
	}
	if r.Error != "" {
		tell("error", []string{strings.TrimSpace(r.Error + " " + r.AccessRule)})
	}
	tell("lost", r.Lost)
	differs := r.Differs
	if r.Unsure != "" {
		differs = append(differs[:len(differs):len(differs)], "but unsure: "+r.Unsure)
	}
	tell("differs", differs)
	tell("not judged", r.Unjudged)
	if p.expect != expectNothing && (p.expect != expectRecorded || len(r.Differs) == 0) {
		tell(p.paint(red, "unexpected"), r.Unexpected)
	}
}

// rulesText is the rule that adds most to the score, and how many others have found something.
func (j *judged) rulesText() string {
	if len(j.Rules) == 0 {
		return ""
	}
	most := slices.MaxFunc(j.Rules, func(a, b foundRule) int { return a.Score - b.Score })
	if len(j.Rules) == 1 {
		return strconv.Itoa(most.ID)
	}
	return fmt.Sprintf("%d and %d more", most.ID, len(j.Rules)-1)
}

// shownRules is how many rules a summary tells to people.
const shownRules = 15

func (p *replayText) end(s *replaySummary) {
	s.sorted()
	if p.begun {
		p.line("")
	}
	p.field("requests", "%d", s.Requests)
	if s.Requests > s.Untried {
		p.field("verdicts", "%s", counts(s.Verdicts, "none"))
		p.field("coverage", "%s", counts(s.Coverage, "none"))
		p.field("routes", "%s", counts(s.Routes, "no route"))
	}
	for i, r := range s.Rules {
		if i == shownRules {
			p.field("", "and %d more rules", len(s.Rules)-i)
			break
		}
		p.field(first(i, "rules"), "%7d × %d %s", r.Requests, r.ID, r.Message)
	}
	if s.Same+s.Differ+s.Unsure > 0 {
		p.field("recorded", "%d as recorded, %d differ, %d seem to differ, of which that cannot be said", s.Same, s.Differ, s.Unsure)
	}
	if s.Lost > 0 {
		p.field("lost", "%d requests are not whole: values are masked, or bodies cut", s.Lost)
	}
	if s.Untried+s.Unreadable > 0 {
		p.field("left out", "%d not tried, %d unreadable", s.Untried, s.Unreadable)
	}
	switch {
	case s.Expect == expectNothing:
	case s.Failed > 0:
		p.field("expected", "%s: %s", s.Expect, p.paint(red, fmt.Sprintf("%d of %d are not", s.Failed, s.Requests)))
	default:
		all := "all are"
		if s.Expect == expectRecorded && s.Unsure > 0 {
			all = fmt.Sprintf("all are of which that can be said, %d are unsure (--strict fails for them)", s.Unsure)
		}
		p.field("expected", "%s: %s", s.Expect, p.paint(green, all))
	}
}

// replayJSON prints one JSON document.
type replayJSON struct{ *printed }

func (p *replayJSON) begin(routes string) {
	p.write("{\n  \"routes\": %s,\n  \"requests\": [", p.value(routes))
}
func (p *replayJSON) row(r *replayed)          { p.element(r) }
func (p *replayJSON) problem(*traffic.Problem) {}
func (p *replayJSON) end(s *replaySummary) {
	s.sorted()
	p.write("\n  ],\n  \"summary\": %s\n}\n", p.value(s))
}

// replayJUnit prints what build servers show as results of tests.
type replayJUnit struct{ *printed }

func (p *replayJUnit) begin(routes string) {
	p.write("%s<testsuites name=\"wafer replay\">\n<testsuite name=\"%s\">\n", xml.Header, xmlText(routes))
}

func (p *replayJUnit) row(r *replayed) {
	name := r.Name
	if name == "" {
		name = strings.TrimSpace(strconv.Itoa(r.N) + " " + r.Request)
	}
	p.write("<testcase classname=\"%s\" name=\"%s\" line=\"%d\">", xmlText(r.File), xmlText(name), r.Line)
	switch {
	case len(r.Unexpected) > 0:
		p.write("<failure message=\"%s\">%s</failure>", xmlText(strings.Join(r.Unexpected, "; ")), xmlText(r.Request+": "+r.said()))
	case r.Untried != "":
		p.write("<skipped message=\"%s\"/>", xmlText(r.Untried))
	case r.Unsure != "":
		p.write("<skipped message=\"%s\"/>", xmlText(strings.Join(r.Differs, "; ")+": "+r.Unsure))
	}
	p.write("</testcase>\n")
}

func (p *replayJUnit) problem(what *traffic.Problem) {
	text := xmlText(audit.Shown(what.What, longestLine))
	p.write("<testcase classname=\"%s\" name=\"line %d\"><error message=\"%s\"/></testcase>\n", xmlText(what.File), what.Line, text)
}

func (p *replayJUnit) end(*replaySummary) { p.write("</testsuite>\n</testsuites>\n") }

// xmlText is text as it may stand in an attribute or between tags.
func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

// replaySARIF prints SARIF 2.1.0 of what is not as expected, which code hosts show beside the lines.
type replaySARIF struct{ *printed }

func (p *replaySARIF) begin(string) {
	driver := map[string]any{"name": "wafer replay", "version": version, "rules": []any{
		map[string]any{"id": "unexpected", "shortDescription": map[string]string{"text": "What becomes of the request is not what was expected"}},
		map[string]any{"id": "unreadable", "shortDescription": map[string]string{"text": "The file could not be read here"}},
	}}
	p.write("{\n  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n  \"version\": \"2.1.0\",\n  \"runs\": [{\n  \"tool\": {\"driver\": %s},\n  \"results\": [", p.value(driver))
}

func (p *replaySARIF) row(r *replayed) {
	if len(r.Unexpected) > 0 {
		p.result("unexpected", r.File, r.Line, r.Request+": "+strings.Join(r.Unexpected, "; "))
	}
}

func (p *replaySARIF) problem(what *traffic.Problem) {
	p.result("unreadable", what.File, what.Line, audit.Shown(what.What, longestLine))
}

func (p *replaySARIF) result(rule, file string, line int, text string) {
	location := map[string]any{"artifactLocation": map[string]string{"uri": filepath.ToSlash(file)}}
	if line > 0 {
		location["region"] = map[string]int{"startLine": line}
	}
	p.element(map[string]any{
		"ruleId": rule, "level": "error", "message": map[string]string{"text": text},
		"locations": []any{map[string]any{"physicalLocation": location}},
	})
}

func (p *replaySARIF) end(*replaySummary) { p.write("\n  ]\n  }]\n}\n") }
