package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/recent"
)

// writeWithin is how long a reader may take nothing of what is written.
const writeWithin = 15 * time.Second

// export writes many events, page by page, so that they are never all in memory.
func (q *question) export(ctx context.Context, w http.ResponseWriter, f *recent.Filter, cursor string, limit int, format string) {
	control := http.NewResponseController(w)
	begun := false
	var out exporter
	for limit > 0 {
		page, err := q.page(ctx, f, cursor, min(limit, pageMost))
		switch {
		case err != nil && !begun:
			failed(w, err)
			return
		case err != nil: // what is written already is whole; the cursor says where to go on
			w.Header().Set("Wafer-Next", cursor)
			return
		}
		if !begun {
			begun = true
			out = q.beginExport(w, &page.About, format)
		}
		_ = control.SetWriteDeadline(time.Now().Add(writeWithin)) // not every writer has one
		for i := range page.Events {
			if out.event(&page.Events[i]) != nil {
				return
			}
		}
		if out.flush() != nil {
			return
		}
		limit -= len(page.Events)
		if cursor = page.Next; cursor == "" {
			return
		}
	}
	w.Header().Set("Wafer-Next", cursor) // a trailer
}

// beginExport says in header fields what JSON has in about.
func (q *question) beginExport(w http.ResponseWriter, about *view.About, format string) exporter {
	h := w.Header()
	h.Set("Trailer", "Wafer-Next")
	h.Set("Wafer-Window-From", about.Window.From.Format(time.RFC3339))
	h.Set("Wafer-Window-To", about.Window.To.Format(time.RFC3339))
	h.Set("Wafer-Dropped", strconv.FormatUint(about.Dropped.Recent, 10))
	h.Set("Wafer-Sampling", about.Sampling.Access)
	if q.tier {
		h.Set("Wafer-Missing-Pods", strings.Join(missing(about.Pods), ", "))
	}
	name := "wafer-events-" + q.now.UTC().Format("20060102-150405")
	if format == "csv" {
		h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
		h.Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
		c := &csvExport{csv.NewWriter(w)}
		_ = c.w.Write(csvColumns()) // as all writing, it fails when it is flushed
		return c
	}
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Content-Disposition", `attachment; filename="`+name+`.jsonl"`)
	return lineExport{w}
}

// missing are the addresses of pods that have not answered.
func missing(pods []view.Pod) (all []string) {
	for _, p := range pods {
		if !p.Answered {
			all = append(all, p.Address)
		}
	}
	return all
}

// exporter writes events.
type exporter interface {
	event(*view.Event) error
	flush() error
}

// lineExport writes events as they are.
type lineExport struct{ w http.ResponseWriter }

func (l lineExport) event(e *view.Event) error {
	_, err := l.w.Write(append(slices.Clip(e.Event), '\n'))
	return err
}

func (l lineExport) flush() error { return nil }

// csvExport writes events as rows.
type csvExport struct{ w *csv.Writer }

func csvColumns() []string {
	return strings.Split("time,pod,event,request_id,route,policy,mode,client,method,host,path,status,verdict,rule_id,rules,score,threshold,"+
		"coverage,coverage_reason,error,duration_ms,user_agent", ",")
}

// row is what of an event its columns need beside its members.
type row struct {
	Rules []struct {
		ID int `json:"id"`
	} `json:"rules"`
	Score *view.Score `json:"score"`
}

func (c *csvExport) event(e *view.Event) error {
	var of row
	var members map[string]json.RawMessage
	if json.Unmarshal(e.Event, &members) != nil || json.Unmarshal(e.Event, &of) != nil {
		return nil // not one of ours
	}
	var cells []string
	for _, name := range csvColumns() {
		cells = append(cells, safeCell(c.cell(name, e, &of, members[name])))
	}
	return c.w.Write(cells)
}

func (c *csvExport) cell(name string, e *view.Event, of *row, member json.RawMessage) string {
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

func (c *csvExport) flush() error {
	c.w.Flush()
	return c.w.Error()
}
