package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/admin/view"
)

// asking are commands that ask an admin listener.
var asking = map[string]func() *cobra.Command{
	"events":      newEvents,
	"events -f":   newEvents,
	"top":         newTop,
	"top of tier": newTop,
	"bans list":   newBans,
	"bans add":    newBans,
	"bans clear":  newBans,
	"explain":     newExplain,
}

var askingArgs = map[string][]string{
	"events -f": {"-f"}, "top": {"--once", "--every=100ms"}, "top of tier": {"--once", "--every=100ms", "--scope=tier"},
	"bans list": {"list"}, "bans add": {"add", "192.0.2.7"}, "bans clear": {"clear", "192.0.2.7"},
	"explain": {"--request-id", "x"},
}

// askHostile has each command ask a server that is no tier.
func askHostile(t *testing.T, server http.HandlerFunc, then func(t *testing.T, said string, err error)) {
	t.Helper()
	s := httptest.NewServer(server)
	t.Cleanup(s.Close)
	for name, make := range asking {
		t.Run(name, func(t *testing.T) {
			var out, warned bytes.Buffer
			c := make()
			c.SetArgs(append(askingArgs[name], "--admin", s.URL))
			c.SetOut(&out)
			c.SetErr(&warned)
			c.SilenceErrors, c.SilenceUsage = true, true
			err := c.ExecuteContext(t.Context())
			if err != nil {
				warned.WriteString(shownError(err))
			}
			then(t, out.String()+warned.String(), err)
		})
	}
}

// TestNoTier asks what is no admin listener: every command says so, and none waits or believes it.
func TestNoTier(t *testing.T) {
	for _, answer := range []string{"{}", "[]", "null", "", "\x00\xff{]\x1b[31m", "<html>hello</html>", `{"events":[`} {
		askHostile(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, answer) // the test fails otherwise
		}, func(t *testing.T, said string, err error) {
			if err == nil || !strings.Contains(said, "--admin") {
				t.Errorf("%q: %q", answer, said)
			}
		})
	}
	for _, event := range []string{"null", "7", `"text"`, "[]", "{}", ""} {
		if noEvent(view.Event{Event: []byte(" " + event + " ")}) != true {
			t.Errorf("%q counts as an event", event)
		}
	}
}

// TestEndlessAnswer gives answers without an end.
func TestEndlessAnswer(t *testing.T) {
	for _, begin := range []string{`{"events":[{"event":"`, `{"bans":[{"who":"`, `wafer_x{a="`} {
		piece := bytes.Repeat([]byte("a"), 1<<20)
		askHostile(t, func(w http.ResponseWriter, _ *http.Request) {
			_, err := io.WriteString(w, begin)
			for err == nil {
				_, err = w.Write(piece)
			}
		}, func(t *testing.T, said string, err error) {
			if err == nil || !strings.Contains(said, "--admin") {
				t.Errorf("%q: %q", begin, said)
			}
		})
	}
}

// TestNobodyIsLedElsewhere has a server lead to another one, which must not get the token.
func TestNobodyIsLedElsewhere(t *testing.T) {
	t.Setenv(tokenVariable, "secret")
	stolen := ""
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen = r.Header.Get("Authorization") + r.URL.Path }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		askHostile(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/elsewhere", status)
		}, func(t *testing.T, said string, err error) {
			if err == nil || !strings.Contains(said, "leads to "+other.URL+"/elsewhere") || stolen != "" {
				t.Errorf("%d: %q, the other got %q", status, said, stolen)
			}
		})
	}
}

// driven finds what a terminal would obey.
func driven(text string) string {
	if i := strings.IndexFunc(text, func(c rune) bool { return c != '\n' && !unicode.IsGraphic(c) }); i >= 0 {
		return text[i:]
	}
	return ""
}

// TestHostileWords has a server say what drives terminals, in each of its answers.
func TestHostileWords(t *testing.T) {
	const evil = `\u001b[2J\u001b]0;title\u0007\u009b31m\u202e\u0085\r\nline`
	raw := "\x1b[2J\u009b31m\u202e"
	now := time.Now().UTC().Format(time.RFC3339)
	about := fmt.Sprintf(`"about":{"time":%q,"version":"%s","warnings":["%[2]s"],"pods":[{"address":"%[2]s","error":"%[2]s"}]}`, now, evil)
	scrapes := 0
	askHostile(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/metrics":
			scrapes++
			fmt.Fprintf(w, "wafer_build_info{version=\"%s\"} 1\nwafer_requests_total{route=\"%[1]s\",verdict=\"%[1]s\"} %d\n"+
				"wafer_sink_up{sink=\"%[1]s\"} 0\nwafer_rule_matches_total{rule_id=\"%[1]s\"} 7\nwafer_config_generation NaN\nwafer_requests_in_flight 1e308\n", raw, scrapes)
		case r.URL.Path == "/api/v1/events/stream":
			w.Header().Set("Content-Type", "text/event-stream")
			if r.Header.Get("Last-Event-ID") != "" {
				w.Header().Set("Content-Type", "text/html") // the end
			}
			fmt.Fprintf(w, ": a comment\nevent: about\ndata: %s\n\nid: 1\nevent: event\n: another\ndata: {\"pod\":\"%s\",\"event\":{\"event\":\"access\",\"path\":\"%[2]s\"}}\n\n", about[8:], evil)
		case r.Method == http.MethodPost:
			fmt.Fprintf(w, `{"who":"%s","warning":"%[1]s"}`, evil)
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintf(w, `{"error":"%s"}`, evil)
		case r.URL.Path == "/api/v1/bans":
			fmt.Fprintf(w, `{"shared":"up","bans":[{"who":"%s","scope":"%[1]s","where":"%[1]s","rule":"%[1]s","reason":"%[1]s"}]}`, evil)
		case r.URL.Path == "/api/v1/overview":
			fmt.Fprintf(w, `{%s,"routes":[{"id":"%s"}],"trouble":[{"pod":"%[2]s","about":"%[2]s"}],"pods":[{"pod":"%[2]s","not_ready":"%[2]s"}]}`, about, evil)
		default:
			fmt.Fprintf(w, "{%s,\"events\":[{\"pod\":\"%s\",\"event\":{\"event\":\"access\",\n\"path\":\"%[2]s\"}}]}", about, evil)
		}
	}, func(t *testing.T, said string, _ error) {
		if said == "" || driven(said) != "" {
			t.Errorf("it says %q", said)
		}
	})
}

// TestEndlessBans has a listener say again and again that there is more.
func TestEndlessBans(t *testing.T) {
	for _, bans := range []string{"", `{"who":"192.0.2.7"}`} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"shared":"up","bans":[%s],"next":"more"}`, bans)
		}))
		c := newBans()
		c.SetArgs([]string{"list", "--admin", s.URL})
		c.SetOut(io.Discard)
		c.SetErr(io.Discard)
		if err := c.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "gives none") {
			t.Errorf("bans [%s]: %v", bans, err)
		}
		s.Close()
	}
}

// TestSilentTier has a stream whose server says nothing, before its head and behind it.
func TestSilentTier(t *testing.T) {
	for _, begin := range []bool{false, true} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if begin {
				w.Header().Set("Content-Type", "text/event-stream")
				_ = http.NewResponseController(w).Flush() // the test fails otherwise
			}
			<-r.Context().Done()
		}))
		e := &eventsCommand{adminClient: adminClient{address: s.URL}, warn: io.Discard, silence: 50 * time.Millisecond}
		err := (&eventStream{command: e, printer: newJSONPrinter(io.Discard)}).once(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), "has said nothing for 50ms") {
			t.Errorf("begun %v: %v", begin, err)
		}
		s.Close()
	}
}

// TestLargeToken names files that are no token.
func TestLargeToken(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, mostSecret+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{large, "/dev/zero", t.TempDir(), large + "-none"} {
		a := adminClient{address: "http://127.0.0.1:1", tokenFile: name}
		if _, err := a.request(t.Context(), http.MethodGet, "/", nil); err == nil || !strings.Contains(err.Error(), "--token-file: ") {
			t.Errorf("%s: %v", name, err)
		}
		for _, a := range []adminClient{{ca: name}, {cert: name, key: name}} {
			if err := a.secure(&http.Client{}); err == nil || !strings.Contains(err.Error(), "--admin-c") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestPrintedJSON(t *testing.T) {
	var out bytes.Buffer
	p := newJSONPrinter(&out)
	for _, one := range []view.Event{{Pod: "\x1bp\"", Event: []byte("{\n\"a\":\r\n1}")}, {Pod: "p", Event: []byte("{}")}, {Event: []byte(" {\"b\":2}\n")}} {
		if err := p.print(&one); err != nil {
			t.Fatal(err)
		}
	}
	p.terminal = true
	if err := errors.Join(p.print(&view.Event{Event: []byte("{\"c\":\"\x1b[2J\u009b\"}")}), p.flush()); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "{\"pod\":\"?p\\\"\", \"a\":  1}\n{}\n{\"b\":2}\n{\"c\":\"\ufffd[2J\ufffd\"}\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
