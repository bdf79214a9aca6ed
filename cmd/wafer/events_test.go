package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/admin/view"
	"github.com/wafer-waf/wafer/record"
)

func accessLine(id, verdict string, status int) string {
	return fmt.Sprintf(`{"time":"2026-03-01T11:30:45.007Z","level":"info","event":"access","request_id":%q,"route":"shop","client":"192.0.2.1",`+
		`"method":"GET","host":"shop.example","path":"/","protocol":"HTTP/1.1","status":%d,"bytes_in":0,"bytes_out":1,"duration_ms":1.5,"verdict":%q,"message":"request"}`, id, status, verdict)
}

// runEvents runs "wafer events", and returns what it prints.
func runEvents(args ...string) (out, warned string, err error) {
	var o, w bytes.Buffer
	c := newEvents()
	c.SetArgs(args)
	c.SetOut(&o)
	c.SetErr(&w)
	c.SilenceErrors, c.SilenceUsage = true, true
	err = c.ExecuteContext(context.Background())
	return o.String(), w.String(), err
}

// ids are the request ids in an output, in their order.
func ids(out string) (all []string) {
	for line := range strings.Lines(out) {
		var e struct {
			RequestID string `json:"request_id"`
		}
		if json.Unmarshal([]byte(line), &e) == nil {
			all = append(all, e.RequestID)
		}
	}
	return all
}

func writeEvents(t *testing.T, path string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEventsOfFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "events.jsonl")
	writeEvents(t, filepath.Join(dir, "events-20260301T113000.000Z.jsonl"), accessLine("1", "pass", 200), accessLine("2", "block", 403))
	writeEvents(t, path, "text", "[pod/wafer-0/wafer] "+accessLine("3", "block", 403), `{"level":"info","message":"serving"}`, accessLine("4", "pass", 200)[:40], accessLine("5", "pass", 404))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(accessLine("6", "block", 403) + "\n")) // to memory
	_ = z.Close()
	if err := os.WriteFile(filepath.Join(dir, "old.jsonl.gz"), packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{path}, []string{"1", "2", "3", "5"}},
		{[]string{"--verdict", "block", path, filepath.Join(dir, "old.jsonl.gz")}, []string{"2", "3", "6"}},
		{[]string{"--limit", "2", path}, []string{"3", "5"}},
		{[]string{"--status", "4xx", "--limit", "1", path}, []string{"5"}},
		{[]string{"--client", "10.0.0.0/8", path}, nil},
	} {
		out, warned, err := runEvents(append(tt.args, "-o", "json")...)
		if got := ids(out); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, want %q: %v", tt.args, got, tt.want, err)
		}
		if !strings.Contains(warned, "3 lines are no events") {
			t.Errorf("%q: warned %q", tt.args, warned)
		}
	}
	if out, _, err := runEvents("-o", "console", "-n", "1", path); err != nil || !strings.Contains(out, " pass 404 GET shop.example/ 1.5ms request_id=5 route=shop client=192.0.2.1\n") {
		t.Errorf("console: %q, %v", out, err)
	}
	if out, _, err := runEvents("-o", "csv", "-n", "1", path); err != nil || strings.Count(out, "\n") != 2 || !strings.Contains(out, `,"access","5","shop",`) {
		t.Errorf("csv: %q, %v", out, err)
	}
}

// TestEventsAreBounded wants more of the latest events than are held at once, of a file and of a tier, and is told.
func TestEventsAreBounded(t *testing.T) {
	var lines []string
	for i := range 1000 {
		lines = append(lines, accessLine(strconv.Itoa(i), "pass", 200))
	}
	path := filepath.Join(t.TempDir(), "events.jsonl")
	writeEvents(t, path, lines...)
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var page view.Events
		most := atoi(r.URL.Query().Get("limit")) + 1 // more than it was asked for
		for range most {
			page.Events = append(page.Events, view.Event{ID: "x-1", Event: json.RawMessage(lines[0])})
		}
		page.Next, page.About.Time = "x-1", time.Now()
		asked++
		_ = json.NewEncoder(w).Encode(page)
	}))
	defer s.Close()
	const most = 200
	one := heldBytes(&view.Event{Event: json.RawMessage(lines[0])})
	for _, from := range [][]string{{path}, {"--admin", s.Listener.Addr().String()}} {
		for _, limit := range []int{10, most / 2, 100_000} {
			var out, warned strings.Builder
			e := &eventsCommand{filters: map[string]*[]string{}, most: most * one, out: &out, warn: &warned}
			c := e.command()
			c.SetArgs(append([]string{"-o", "json", "-n", strconv.Itoa(limit)}, from...))
			c.SetOut(&out)
			c.SetErr(&warned)
			if err := c.ExecuteContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := ids(out.String())
			cut := strings.Contains(warned.String(), "the latest "+strconv.Itoa(len(got))+" events are shown")
			switch {
			case limit <= most/2 && (len(got) != limit || cut):
				t.Errorf("%v: %d of %d, %s", from, len(got), limit, warned.String())
			case limit > most && (!cut || len(got) < most/4 || len(got) > most+eventsPage):
				t.Errorf("%v: %d of %d, %s", from, len(got), limit, warned.String())
			}
			if from[0] == path && got[len(got)-1] != "999" {
				t.Errorf("the latest is %s", got[len(got)-1])
			}
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}

func atoi(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

func TestEventsMistakes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	writeEvents(t, path, "text")
	for _, tt := range []struct {
		want string
		args []string
	}{
		{`--status: "x" is neither a status, a class such as 4xx nor a range`, []string{"--status", "x"}},
		{`--kind: "attack" is none of security, access, ban`, []string{"--kind", "attack"}},
		{`--verdict: "blocked" is none of pass, block,`, []string{"--verdict", "blocked"}},
		{`--scope: "all" is neither pod nor tier`, []string{"--scope", "all"}},
		{`--output: "xml" is neither console, json nor csv`, []string{"-o", "xml"}},
		{`--limit: -1 is negative`, []string{"-n", "-1"}},
		{`--admin is for a tier that runs`, []string{"--admin", "x:1", path}},
		{`--admin-ca is for a tier that runs`, []string{"--admin-ca", "ca.pem", path}},
		{`--follow goes on with one file: 2 were given`, []string{"-f", path, path}},
		{`--follow shows what comes, and --until is over`, []string{"-f", "--until", "1h"}},
		{`--since has no effect beside --follow of a tier`, []string{"-f", "--since", "1h"}},
		{`no event in ` + path + `: 1 other lines`, []string{path}},
		{`no such file`, []string{path + "x"}},
		{`ask the admin listener (--admin)`, []string{"--admin", "127.0.0.1:1"}},
	} {
		if _, _, err := runEvents(tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.args, err, tt.want)
		}
	}
}

// seen is an output that tells when something is in it.
type seen struct {
	mu    sync.Mutex
	text  strings.Builder
	added chan struct{}
}

func newSeen() *seen { return &seen{added: make(chan struct{}, 1)} }

func (s *seen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	select {
	case s.added <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (s *seen) wait(t *testing.T, want ...string) {
	t.Helper()
	for {
		s.mu.Lock()
		text := s.text.String()
		s.mu.Unlock()
		got := ids(text)
		if slices.Equal(got, want) {
			return
		}
		if len(got) > len(want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		select {
		case <-s.added:
		case <-t.Context().Done():
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// startEvents runs "wafer events" until stop.
func startEvents(t *testing.T, warned io.Writer, args ...string) (out *seen, stop func()) {
	t.Helper()
	out = newSeen()
	ctx, cancel := context.WithCancel(t.Context())
	c := newEvents()
	c.SetArgs(append(args, "-o", "json", "-f"))
	c.SetOut(out)
	c.SetErr(warned)
	ended := make(chan error, 1)
	go func() { ended <- c.ExecuteContext(ctx) }()
	return out, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestEventsFollowFile goes on with a file that grows, in the middle of lines, is put aside, and emptied.
func TestEventsFollowFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	writeEvents(t, path, accessLine("1", "pass", 200), accessLine("2", "pass", 200), accessLine("3", "block", 403))
	out, stop := startEvents(t, io.Discard, "-n", "1", path)
	out.wait(t, "3")
	add := func(text string) {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	add(accessLine("4", "pass", 200) + "\n" + accessLine("5", "pass", 200)[:50])
	out.wait(t, "3", "4")
	add(accessLine("5", "pass", 200)[50:] + "\n")
	out.wait(t, "3", "4", "5")
	if err := os.Rename(path, filepath.Join(filepath.Dir(path), "moved")); err != nil {
		t.Fatal(err)
	}
	writeEvents(t, path, accessLine("6", "pass", 200))
	out.wait(t, "3", "4", "5", "6")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	add(accessLine("7", "x", 200) + "\n")
	out.wait(t, "3", "4", "5", "6", "7")
	stop()
}

// aTier is an admin listener with the events 1 to n.
func aTier(t *testing.T, n int, stream http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/events", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"a token is required"}`) // the test fails otherwise
			return
		}
		var limit, newest int
		_, _ = fmt.Sscan(r.FormValue("limit"), &limit) // likewise
		newest = n
		if c := r.FormValue("cursor"); c != "" {
			_, _ = fmt.Sscan(c, &newest) // likewise
		}
		page := view.Events{About: view.About{Time: time.Now(), Pods: []view.Pod{{Address: "10.0.0.5:9090", Error: "no answer within 2s"}}}}
		for i := newest; i > 0 && len(page.Events) < min(limit, 3); i-- {
			page.Events = append(page.Events, view.Event{Pod: "wafer-0", Event: json.RawMessage(accessLine(fmt.Sprint(i), "block", 403))})
		}
		if rest := newest - len(page.Events); rest > 0 {
			page.Next = fmt.Sprint(rest)
		}
		_ = json.NewEncoder(w).Encode(page) // likewise
	})
	if stream != nil {
		mux.HandleFunc("/api/v1/events/stream", stream)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestEventsOfTier(t *testing.T) {
	t.Setenv(tokenVariable, "secret")
	url := aTier(t, 8, nil)
	out, warned, err := runEvents("--admin", url, "-n", "5", "--scope", "tier")
	if got := ids(out); err != nil || !slices.Equal(got, []string{"4", "5", "6", "7", "8"}) || !strings.HasPrefix(out, `{"pod":"wafer-0","time":`) {
		t.Errorf("%q, %v: %s", got, err, out)
	}
	if !strings.Contains(warned, "10.0.0.5:9090 has not answered: no answer within 2s") || !strings.Contains(warned, "5 events") {
		t.Errorf("warned %q", warned)
	}
	t.Setenv(tokenVariable, "")
	if _, _, err := runEvents("--admin", url); err == nil || !strings.Contains(err.Error(), "a token is required: give a file with one by --token-file") {
		t.Error(err)
	}
}

// TestEventsOfEndlessTier always has one more page, and nothing on it.
func TestEventsOfEndlessTier(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(view.Events{About: view.About{Time: time.Now()}, Events: []view.Event{}, Next: "more"}) // the test fails otherwise
	}))
	defer s.Close()
	if out, warned, err := runEvents("--admin", s.URL); err != nil || out != "" || !strings.Contains(warned, "stopped after 100 answers without an event") {
		t.Errorf("%q %q %v", out, warned, err)
	}
}

// TestEventsFollowTier takes a stream up where it broke.
func TestEventsFollowTier(t *testing.T) {
	warned := newSeen()
	asked := 0
	url := aTier(t, 0, func(w http.ResponseWriter, r *http.Request) {
		asked++
		send := func(id string) {
			one, _ := json.Marshal(view.Event{ID: id, Event: json.RawMessage(accessLine(id, "block", 403))})
			fmt.Fprintf(w, "id: %s\nevent: event\ndata: %s\n\n", id, one)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "event: about\ndata: {}\n\n")
		switch {
		case asked == 1 && r.FormValue("kind") == "security,access,ban" && r.FormValue("backlog") == "10":
			send("1")
			send("2")
		case asked == 2 && r.Header.Get("Last-Event-ID") == "2":
			fmt.Fprint(w, "event: missed\ndata: {\"missed\":4}\n\n")
			send("3")
			_ = http.NewResponseController(w).Flush() // the test would not end
			<-r.Context().Done()
		}
	})
	out, stop := startEvents(t, warned, "--admin", url)
	out.wait(t, "1", "2", "3")
	stop()
	if text := warned.text.String(); !strings.Contains(text, "the stream has ended, asking again") || !strings.Contains(text, "4 events were not shown") {
		t.Errorf("warned %q", text)
	}
}

// TestEndlessEvent has a stream whose event does not end.
func TestEndlessEvent(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		const piece = 64 << 10
		line := "data: " + strings.Repeat("x", piece) + "\n"
		for range 2 * longestData / piece {
			_, _ = io.WriteString(w, line) // the reader may have left
		}
	}))
	defer s.Close()
	var out bytes.Buffer
	e := &eventsCommand{adminClient: adminClient{address: s.URL}, out: &out, warn: io.Discard, silence: streamSilence}
	err := (&eventStream{command: e, printer: newJSONPrinter(&out)}).once(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "has no end") {
		t.Error(err)
	}
}

// TestEventsBesideRecords has a file of both: each command shows its own, and says what it has left to the other.
func TestEventsBesideRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "all.jsonl")
	one := &record.Record{RequestID: "recorded", Request: &record.Request{Method: "GET", Target: "/", Host: "a.test"}, Response: &record.Response{Status: 403}}
	writeEvents(t, path, accessLine("1", "pass", 200), strings.TrimSuffix(string(one.Append(nil)), "\n"))
	out, warned, err := runEvents(path)
	if got := ids(out); err != nil || !slices.Equal(got, []string{"1"}) || !strings.Contains(warned, "1 lines are records: wafer records list shows them") {
		t.Errorf("events: %q, %q, %v", got, warned, err)
	}
	list := func(args ...string) (out, warned string, err error) {
		var o, w bytes.Buffer
		c := newRecordsList()
		c.SetArgs(args)
		c.SetOut(&o)
		c.SetErr(&w)
		c.SilenceErrors, c.SilenceUsage = true, true
		err = c.ExecuteContext(t.Context())
		return o.String(), w.String(), err
	}
	if out, warned, err := list(path); err != nil || strings.Count(out, "\n") != 1 || !strings.Contains(out, "recorded") || warned != "" {
		t.Errorf("records: %q, %q, %v", out, warned, err)
	}
	if out, warned, err := list(path, "--status", "200"); err != nil || out != "" || warned != "none of 1 records is wanted\n" {
		t.Errorf("records that nobody wants: %q, %q, %v", out, warned, err)
	}
	events := filepath.Join(t.TempDir(), "events.jsonl")
	writeEvents(t, events, accessLine("1", "pass", 200))
	if out, warned, err := list(events); err == nil || out != "" || !strings.Contains(warned, "no record in "+events) {
		t.Errorf("records of events: %q, %q, %v", out, warned, err)
	}
}
