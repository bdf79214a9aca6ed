package lastgood

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/peers"
)

// text is a bundle of one route file.
func text(content string) *config.Bundle {
	return &config.Bundle{Names: []string{"routes.yaml"}, Files: map[string][]byte{"routes.yaml": []byte(content)}}
}

func digest(c string) string { return strings.Repeat(c, 64) }

// peer answers as an admin listener does, until the test ends, and returns its address.
func peer(t *testing.T, standing string, bundle http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc(StandingPath, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, standing) })
	if bundle != nil {
		mux.HandleFunc(BundlePath, bundle)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func serving(t *testing.T, pod, digest, content string) string {
	t.Helper()
	data, err := text(content).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return peer(t, `{"pod":"`+pod+`","digest":"`+digest+`","built":"2026-11-30T10:00:00Z"}`,
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
}

// kept is what a store has, "from: text" of each.
func kept(t *testing.T, s *Store) (all []string) {
	t.Helper()
	for from, b := range s.Kept(t.Context()) {
		all = append(all, from+": "+string(b.Files["routes.yaml"]))
	}
	return all
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	s := New(dir, nil, zerolog.Nop())
	if got := kept(t, s); got != nil {
		t.Errorf("an empty folder has %q", got)
	}
	for _, content := range []string{"one", "two"} {
		s.Keep(text(content))
		if got, want := kept(t, New(dir, nil, zerolog.Nop())), []string{"the folder " + dir + ": " + content}; !slices.Equal(got, want) {
			t.Errorf("kept %q, want %q", got, want)
		}
	}
	file := filepath.Join(dir, "last-good")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data[:len(data)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if got := kept(t, s); got != nil {
		t.Errorf("a file that is cut gives %q", got)
	}
}

// TestFolderIsGone has a folder that cannot be written cost nothing but the file.
func TestFolderIsGone(t *testing.T) {
	s := New(filepath.Join(t.TempDir(), "none"), nil, zerolog.Nop())
	s.Keep(text("one"))
	if s.Encoded() == nil {
		t.Error("peers get nothing")
	}
}

// TestPeers asks those that most agree with first, and of two kinds the newer.
func TestPeers(t *testing.T) {
	few := serving(t, "few", digest("a"), "few")
	none := peer(t, `{"pod":"starting"}`, nil)
	names := []string{none, "127.0.0.1:1", few, serving(t, "most-1", digest("b"), "most"), serving(t, "most-2", digest("b"), "most")}
	p := NewPeers(peers.Options{Names: names})
	got := kept(t, New("", p, zerolog.Nop()))
	slices.Sort(got[:min(2, len(got))]) // by address
	if want := []string{"the peer most-1: most", "the peer most-2: most", "the peer few: few"}; !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
	c, err := p.Compare(t.Context())
	if want := "few: aaaaaaaaaaaa; most-1, most-2: bbbbbbbbbbbb"; err != nil || c.String() != want || c.Agree() {
		t.Errorf("compared: %q, %v, want %q", c, err, want)
	}
	if all, differ := c.Count(); all != 3 || differ != 1 {
		t.Errorf("%d pods, %d differ", all, differ)
	}
	for addr, want := range map[string]bool{"127.0.0.1": true, "::ffff:127.0.0.1": true, "127.0.0.2": false} {
		if ok, err := p.Include(t.Context(), netip.MustParseAddr(addr)); ok != want || err != nil {
			t.Errorf("%s is a peer: %v, %v", addr, ok, err)
		}
	}
}

// TestHostilePeers lets peers answer what they like: the next one is asked.
func TestHostilePeers(t *testing.T) {
	good := serving(t, "good", digest("c"), "good")
	most := `{"pod":"x","digest":"` + digest("d") + `"}`
	endless := func(w http.ResponseWriter, r *http.Request) {
		part := make([]byte, 1<<20)
		for r.Context().Err() == nil {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect is followed") }))
	defer elsewhere.Close()
	names := []string{
		good,
		peer(t, most, endless),
		peer(t, most, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "wafer configuration 1 00\n{}") }),
		peer(t, most, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }),
		peer(t, most, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }),
		peer(t, `{"digest":"`+digest("d")+`","pod":"`+strings.Repeat("y", maxStanding)+`"}`, nil),
		peer(t, `{"digest":"not one"}`, nil),
		peer(t, `[]`, nil),
	}
	if got, want := kept(t, New("", NewPeers(peers.Options{Names: names}), zerolog.Nop())), []string{"the peer good: good"}; !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
	c, _ := NewPeers(peers.Options{Names: []string{peer(t, `{"pod":"a\u001b[31m\n","digest":"`+digest("e")+`"}`, nil)}}).Compare(t.Context())
	if got := c.String(); got != "a??31m?: eeeeeeeeeeee" {
		t.Errorf("a name goes into the log as %q", got)
	}
}

// TestSilentPeers has peers that accept and say nothing cost two seconds, and peers without an address none.
func TestSilentPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // both peers are dialed at once
		var ends []net.Conn
		named := true
		p := NewPeers(peers.Options{
			Names: []string{"wafer-admin:9090"},
			Lookup: func(context.Context, string) ([]netip.Addr, error) {
				if !named {
					return nil, errors.New("no such host")
				}
				return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}, nil
			},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				mu.Lock()
				ends = append(ends, theirs)
				mu.Unlock()
				go func() { _, _ = theirs.Read(make([]byte, 4096)) }()
				return ours, nil
			},
		})
		began := time.Now()
		if got, err := p.Ask(t.Context()); len(got) != 0 || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
		if took := time.Since(began); took != standingTimeout {
			t.Errorf("took %v", took)
		}
		mu.Lock()
		for _, end := range ends {
			_ = end.Close()
		}
		mu.Unlock()
		named = false
		if _, err := p.Ask(t.Context()); err == nil || !strings.Contains(err.Error(), "wafer-admin:9090: no such host") {
			t.Errorf("error %v", err)
		}
	})
}

// TestWatch tells of pods that disagree when they have twice, which is within a minute.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		second := digest("b")
		p := NewPeers(peers.Options{
			Names: []string{"wafer-admin:9090"},
			Lookup: func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}, nil
			},
			Dial: func(_ context.Context, _, address string) (net.Conn, error) {
				mu.Lock()
				defer mu.Unlock()
				d := digest("a")
				if address == "10.0.0.2:9090" {
					d = second
				}
				host, _, _ := net.SplitHostPort(address)
				return answering(`{"pod":"pod-` + host + `","digest":"` + d + `"}`), nil
			},
		})
		told := make(chan string, 100)
		go p.Watch(t.Context(), func(c Comparison, settled bool) {
			if settled {
				told <- c.String()
			}
		})
		want := func(within time.Duration, text string) {
			t.Helper()
			select {
			case got := <-told:
				if got != text {
					t.Errorf("told %q, want %q", got, text)
				}
			case <-time.After(within): // of the bubble's clock
				t.Errorf("not told %q within %s", text, within)
			}
		}
		want(time.Minute, "pod-10.0.0.1: aaaaaaaaaaaa; pod-10.0.0.2: bbbbbbbbbbbb")
		mu.Lock()
		second = digest("a")
		mu.Unlock()
		want(compareEvery+compareMore, "pod-10.0.0.1, pod-10.0.0.2: aaaaaaaaaaaa")
	})
}

// answering is a connection on which every request gets the same answer.
func answering(body string) net.Conn {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
			fmt.Fprintf(theirs, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
		}
	}()
	return ours
}
