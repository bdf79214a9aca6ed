package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
)

// steering is what a terminal would obey: a title, a color by a C1 control, and text that turns round.
const steering = "\x1b]0;x\a\u009b31m\u202e"

// steers returns where a text that was printed drives a terminal; empty: nowhere.
func steers(text string) string {
	at := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) })
	if at < 0 {
		return ""
	}
	return fmt.Sprintf("%q", text[max(at-60, 0):min(at+20, len(text))])
}

// said runs a command, and returns all that it prints and how it ends.
func said(c *cobra.Command, args ...string) (string, error) {
	var both bytes.Buffer
	c.SetArgs(args)
	c.SetOut(&both)
	c.SetErr(&both)
	c.SilenceErrors, c.SilenceUsage = true, true
	err := c.Execute()
	return both.String(), err
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const oneRoute = `
routes: [{ id: shop, hosts: [shop.example.com], policy: shop, upstreams: [{ id: shop }] }]
upstreams: [{ id: shop, endpoints: ["http://127.0.0.1:1"] }]
policies: [{ id: shop, mode: detect }]
`

// TestStrangeFilesAreHarmless: whoever has written a file, or answers in the place of a tier, does not reach the terminal.
func TestStrangeFilesAreHarmless(t *testing.T) {
	word, _ := json.Marshal(steering)
	har := writeFile(t, "a.har", fmt.Sprintf(`{"log":{"entries":[{"_wafer":{"request_id":%[1]s,"differs":[%[1]s],"verdict":%[1]s,"route":%[1]s,"error":%[1]s},"response":{"status":200},`+
		`"request":{"method":"GET","url":"http://shop.example.com/","headers":[]}}]}}`, word))
	for _, as := range []string{"text", "json"} {
		out, err := said(newReplay(), writeFile(t, "routes.yaml", oneRoute), har, "-o", as)
		if at := steers(out); at != "" || err != nil || !strings.Contains(out, "0;x") {
			t.Errorf("replay as %s: %v: %s", as, err, at+out)
		}
	}
}

// TestLastWordsAreHarmless: an error may quote what somebody else has written.
func TestLastWordsAreHarmless(t *testing.T) {
	into, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer into.Close()
	before := os.Stderr
	os.Stderr = into
	code := runCommand(os.Stdout, []string{"check", writeFile(t, "routes.yaml", `routes: [{ "key\e]0;x\a": 1 }]`)})
	os.Stderr = before
	said, err := os.ReadFile(into.Name())
	if at := steers(string(said)); code != 1 || err != nil || at != "" || !strings.Contains(string(said), "unknown key") {
		t.Errorf("%d, %v: %s%s", code, err, at, said)
	}
}

// TestLostOutput: a command whose output is lost does not end as if it were there, whoever asks for it.
func TestLostOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	tier := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"bans":[{"who":"192.0.2.1"}],"shared":"none","cleared":1}`) // the client says what is missing
	}))
	defer tier.Close()
	routes := writeFile(t, "routes.yaml", oneRoute)
	for _, args := range [][]string{
		{"version"}, {"--help"}, {"admin-token", "--name", "x"}, {"check", routes}, {"check", "-o", "json", routes}, {"lists", routes, "192.0.2.1"},
		{"bans", "list", "--admin", tier.URL}, {"bans", "clear", "--all", "--admin", tier.URL}, {"explain", routes, "http://shop.example.com/"}, {"completion", "bash"},
	} {
		if code := runCommand(null, args); code != 0 {
			t.Errorf("%v ends with %d", args, code)
		}
		if code := runCommand(full, args); code != 1 {
			t.Errorf("%v ends with %d on a full disk", args, code)
		}
	}
}

// endless is an input that never ends.
type endless struct{ text string }

func (e endless) Read(p []byte) (int, error) {
	return copy(p, strings.Repeat(e.text, 1+len(p)/len(e.text))), nil
}

// TestEndlessInput: what is held whole has a bound.
func TestEndlessInput(t *testing.T) {
	nothing := func(string) bool { return false }
	for name, of := range map[string]func() error{
		"a request": func() error {
			_, err := (&explainInput{given: nothing}).readStdin(endless{"GET / HTTP/1.1\r\n"})
			return err
		},
		"a body": func() error {
			_, err := (&explainInput{given: nothing, body: "@/dev/zero"}).readBody(nil)
			return err
		},
		"a body on standard input": func() error {
			_, err := (&explainInput{given: nothing, body: "-"}).readBody(endless{"x"})
			return err
		},
		"a route file":   func() error { _, err := said(newK8s(), "protect", "shop", "--routes", "/dev/zero"); return err },
		"a file of logs": func() error { _, err := said(newImport(), "modsecurity", "/dev/zero"); return err },
	} {
		if err := of(); err == nil || !strings.Contains(err.Error(), "larger than") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLongLog: a log on standard input has no bound, and is known by what it begins with.
func TestLongLog(t *testing.T) {
	log := io.MultiReader(io.LimitReader(endless{`{"level":"info","message":"serving"}` + "\n"}, mostAsked+100), strings.NewReader("\n"+`{"event":"security","request_id":"last"}`+"\n"))
	asked, err := (&explainInput{}).readStdin(log)
	if err != nil || asked.event == nil || asked.event.RequestID != "last" {
		t.Errorf("%+v, %v", asked, err)
	}
}

// TestPackedLog: events are unpacked by whoever reads them.
func TestPackedLog(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(`{"event":"security","request_id":"packed"}` + "\n")) // to memory
	_ = z.Close()
	file := writeFile(t, "old", packed.String())
	for _, c := range []*cobra.Command{newEvents(), newExplain()} {
		args := []string{file}
		if c.Name() == "explain" {
			args = []string{"--log", file}
		}
		if out, err := said(c, args...); !strings.Contains(out, "packed") {
			t.Errorf("%s: %v: %s", c.Name(), err, out)
		}
	}
	cut := writeFile(t, "cut", packed.String()[:packed.Len()-12])
	for _, args := range [][]string{{"events", cut}, {"explain", "--log", cut}} {
		if _, err := said(newCommand(), args...); err == nil || !strings.Contains(err.Error(), cut) {
			t.Errorf("%v: %v names no file", args, err)
		}
	}
}

// TestEventsOfAPipe: who reads a log that goes on sees what has come so far.
func TestEventsOfAPipe(t *testing.T) {
	from, to := io.Pipe()
	out := newSeen()
	e := &eventsCommand{out: out, most: eventsHeld}
	done := make(chan error, 1)
	go func() {
		done <- readEvents(from, "-", &eventLines{matcher: e.filter.Matcher(), printer: newJSONPrinter(out)})
	}()
	if _, err := io.WriteString(to, accessLine("first", "pass", 200)+"\n"); err != nil {
		t.Fatal(err)
	}
	out.wait(t, "first")
	_ = to.Close() // never fails
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestManyBadLines: a file that is no records is not told line by line.
func TestManyBadLines(t *testing.T) {
	out, err := said(newRecords(), "list", writeFile(t, "x", strings.Repeat("no record\n", 1000)))
	if err == nil || strings.Count(out, "\n") != shownProblems+1 || !strings.Contains(out, "and 980 more") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestTLSOfWhom: only a listener that was asked itself says that it is to be asked by TLS, and not an application behind it.
func TestTLSOfWhom(t *testing.T) {
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Client sent an "+wantsTLS+".", http.StatusBadRequest)
	}))
	defer behind.Close()
	itself := httptest.NewTLSServer(http.NotFoundHandler())
	defer itself.Close()
	for address, want := range map[string]string{
		behind.URL: "is this an admin listener (--admin)?",
		strings.Replace(itself.URL, "https", "http", 1): "speaks TLS: ask it by --admin " + itself.URL,
	} {
		if _, err := said(newCommand(), "bans", "list", "--admin", address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}
