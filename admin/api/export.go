package api

import (
	"context"
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

// An export ends after so many pages, in all, that have next to nothing on them: what is kept does not take as many searches that are
// cut, and a pod that is broken may have no last page.
const (
	thinPages = 100
	thinCount = pageMost / 10
	thinBytes = 256 << 10
)

// exportWithin is how long an export may take in all. Most of that is the reader's: its searches have a bound of their own.
const exportWithin = 10 * time.Minute

// export writes many events, page by page, so that they are never all in memory.
func (q *question) export(ctx context.Context, w http.ResponseWriter, f *recent.Filter, cursor string, limit int, format string) {
	ctx, cancel := context.WithTimeout(ctx, exportWithin)
	defer cancel()
	control := http.NewResponseController(w)
	begun := false
	var out exporter
	var searched time.Duration
	for thin := 0; limit > 0 && thin < thinPages && (!begun || searched < q.api.bounds.export); {
		began := time.Now()
		page, err := q.page(ctx, f, cursor, min(limit, pageMost))
		searched += time.Since(began)
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
		size := 0
		for i := range page.Events {
			size += len(page.Events[i].Event)
			if out.event(&page.Events[i]) != nil {
				return
			}
		}
		if out.flush() != nil {
			return
		}
		limit -= len(page.Events)
		if len(page.Events) < thinCount && size < thinBytes {
			thin++
		}
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
		return csvExport{view.NewCSV(w)}
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
type csvExport struct{ csv *view.CSV }

func (c csvExport) event(e *view.Event) error { return c.csv.Write(e) }

func (c csvExport) flush() error { return c.csv.Flush() }
