package view

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// CSV writes events as rows of a table.
type CSV struct {
	w       *csv.Writer
	columns []string
}

// NewCSV writes the names of the columns.
func NewCSV(w io.Writer) *CSV {
	c := &CSV{csv.NewWriter(w), strings.Split("time,pod,event,request_id,route,policy,mode,client,method,host,path,status,verdict,rule_id,"+
		"rules,score,threshold,coverage,coverage_reason,error,duration_ms,user_agent", ",")}
	_ = c.w.Write(c.columns) // as all writing, it fails when it is flushed
	return c
}

// row is what of an event its columns need beside its members.
type row struct {
	Rules []struct {
		ID int `json:"id"`
	} `json:"rules"`
	Score *Score `json:"score"`
}

// Write writes an event. What is none is left out.
func (c *CSV) Write(e *Event) error {
	var of row
	var members map[string]json.RawMessage
	if json.Unmarshal(e.Event, &members) != nil || json.Unmarshal(e.Event, &of) != nil {
		return nil
	}
	cells := make([]string, len(c.columns))
	for i, name := range c.columns {
		cells[i] = safeCell(cell(name, e, &of, members[name]))
	}
	return c.w.Write(cells)
}

// Flush writes what is gathered.
func (c *CSV) Flush() error {
	c.w.Flush()
	return c.w.Error()
}

func cell(name string, e *Event, of *row, member json.RawMessage) string {
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

// safeCell keeps spreadsheets from taking a client's text for a formula.
func safeCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
