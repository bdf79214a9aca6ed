package view

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// CSV writes events as rows of a table (RFC 4180). Every cell stands in quotes, and is text that drives neither a spreadsheet nor a
// terminal.
type CSV struct {
	w       *bufio.Writer // which keeps its first error
	columns []string
}

// NewCSV writes the names of the columns.
func NewCSV(w io.Writer) *CSV {
	c := &CSV{bufio.NewWriter(w), strings.Split("time,pod,event,request_id,route,policy,mode,client,method,host,path,status,verdict,rule_id,"+
		"rules,score,threshold,coverage,coverage_reason,error,duration_ms,user_agent", ",")}
	_ = c.row(c.columns) // as all writing, it fails when it is flushed
	return c
}

// more is what of an event its columns need beside its members.
type more struct {
	Rules []struct {
		ID int `json:"id"`
	} `json:"rules"`
	Score *Score `json:"score"`
}

// Write writes an event. What is none is left out.
func (c *CSV) Write(e *Event) error {
	var of more
	var members map[string]json.RawMessage
	if json.Unmarshal(e.Event, &members) != nil || json.Unmarshal(e.Event, &of) != nil {
		return nil
	}
	cells := make([]string, len(c.columns))
	for i, name := range c.columns {
		cells[i] = safeCell(graphic(cell(name, e, &of, members[name])))
	}
	return c.row(cells)
}

func (c *CSV) row(cells []string) error {
	for i, text := range cells {
		if i > 0 {
			_ = c.w.WriteByte(',')
		}
		_, _ = c.w.WriteString(`"` + strings.ReplaceAll(text, `"`, `""`) + `"`)
	}
	return c.w.WriteByte('\n')
}

// Flush writes what is gathered.
func (c *CSV) Flush() error { return c.w.Flush() }

func cell(name string, e *Event, of *more, member json.RawMessage) string {
	switch {
	case name == "pod":
		return e.Pod
	case name == "rules":
		var ids []string
		for _, r := range of.Rules {
			ids = append(ids, strconv.Itoa(r.ID))
		}
		return strings.Join(ids, " ")
	case name == "score" && of.Score != nil:
		return strconv.Itoa(of.Score.Inbound + of.Score.Outbound)
	case name == "threshold" && of.Score != nil:
		return strconv.Itoa(of.Score.InboundThreshold)
	case name == "score", name == "threshold":
		return ""
	}
	var text string
	if json.Unmarshal(member, &text) == nil {
		return text
	}
	return string(member)
}

// Where spreadsheets take a text for a formula: signs that begin one, some in the forms of full width, and what separates cells where
// a comma does not, whatever quotes say.
const (
	formulaSigns   = "=+-@＝＋－＠"
	cellSeparators = ",;|"
)

// graphic is a text in one line, without what a terminal obeys and what is not seen.
func graphic(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsGraphic(c) {
			return unicode.ReplacementChar
		}
		return c
	}, text)
}

// safeCell keeps spreadsheets from taking a client's text for a formula: an apostrophe stands before whatever could begin one.
func safeCell(text string) string {
	if !strings.ContainsAny(text, formulaSigns) {
		return text
	}
	var b strings.Builder
	begins := true
	for _, c := range text {
		if begins && strings.ContainsRune(formulaSigns, c) {
			b.WriteByte('\'')
		}
		separates := strings.ContainsRune(cellSeparators, c)
		begins = separates || begins && (unicode.IsSpace(c) || c == unicode.ReplacementChar)
		b.WriteRune(c)
	}
	return b.String()
}
