package demo

import (
	"net/http"
	"sync"
)

// What the guestbook keeps at most, so that a demo left running does not grow.
const (
	maxEntries    = 20
	maxEntryBytes = 2000
)

// entry is one line in the guestbook.
type entry struct{ Name, Text string }

// legacy is the demo application that nobody maintains: it validates nothing, builds its queries
// from strings and shows them. No database listens; the query is only text on a page.
type legacy struct {
	pages fragments

	mu      sync.Mutex
	entries []entry // newest first
}

func newLegacy() http.Handler {
	l := &legacy{
		pages:   parseFragments(legacyPages),
		entries: []entry{{"webmaster", "Welcome to my guestbook. Best viewed at 800 by 600."}},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", l.home)
	mux.HandleFunc("GET /guestbook", l.read)
	mux.HandleFunc("POST /guestbook", l.sign)
	mux.HandleFunc("GET /item", l.item)
	return mux
}

func (l *legacy) home(w http.ResponseWriter, _ *http.Request) {
	l.pages.page(w, http.StatusOK, "", l.pages.fill("home"))
}

func (l *legacy) read(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	entries := append([]entry(nil), l.entries...)
	l.mu.Unlock()
	book := l.pages.fill("guestbook begins")
	for _, e := range entries {
		book += l.pages.fill("entry", "name", e.Name, "text", e.Text)
	}
	l.pages.page(w, http.StatusOK, "", book, l.pages.fill("guestbook ends"))
}

func (l *legacy) sign(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "unreadable form", badBody(err))
		return
	}
	e := entry{Name: clip(r.PostForm.Get("name")), Text: clip(r.PostForm.Get("text"))}
	l.mu.Lock()
	l.entries = append([]entry{e}, l.entries[:min(len(l.entries), maxEntries-1)]...)
	l.mu.Unlock()
	http.Redirect(w, r, "/guestbook", http.StatusSeeOther)
}

func (l *legacy) item(w http.ResponseWriter, r *http.Request) {
	query := "SELECT title, text FROM items WHERE id = " + r.URL.Query().Get("id")
	l.pages.page(w, http.StatusOK, "", l.pages.fill("item", "query", query))
}

// clip shortens s to what one field of an entry may hold.
func clip(s string) string { return s[:min(len(s), maxEntryBytes)] }
