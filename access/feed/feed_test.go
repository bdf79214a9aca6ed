package feed_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/addresses"
	"github.com/wafer-waf/wafer/access/feed"
)

// web is a list of a server's, of which nothing but what the test says may come into force.
func web(s *server) feed.Config {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return feed.Config{
		ID: "bad", Reading: addresses.Reading{Format: addresses.Plain, MaxEntries: 10_000, Widest4: 8, Widest6: 16},
		Web:   &feed.Web{URL: s.URL + "/list?key=secret", Timeout: 10 * time.Second, Roots: roots},
		Every: time.Hour, Stale: 3 * time.Hour, MaxSize: 100_000, Guards: feed.Guards{MinEntries: 2, MaxShrink: 50, MaxBad: 10},
	}
}

func open(t *testing.T, c feed.Config, before *feed.List) *feed.List {
	t.Helper()
	l, err := feed.Open(t.Context(), c, before)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// TestServerThatLies keeps the last good list, whatever a server says, and tells why.
func TestServerThatLies(t *testing.T) {
	s := serve(t)
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	s.saysAt("/loop", redirect("/loop"))
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		change func(*feed.Config)
		want   string
		after  bool // only after a good one
	}{
		"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2000")
			fmt.Fprint(w, lines(90))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, nil, "breaks off", false},
		"goes away": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, "the connection ended without an answer", false},
		"breaks off without a length": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, lines(90))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, nil, "breaks off", false},
		"shrinks":      {text(lines(49)), nil, "49 entries after 100: more are gone than max_shrink allows, 50%", true},
		"is empty":     {text(""), nil, "0 entries are less than min_entries, 2", false},
		"is a page":    {text("<html>\n<body>\nSign in\n</body>\n</html>"), nil, `5 of 5 entries cannot be read, more than max_bad allows; line 1: "<html>" is no address`, false},
		"errs":         {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, lines(100), 500) }, nil, "status 500 Internal Server Error", false},
		"gives a part": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(206); fmt.Fprint(w, lines(90)) }, nil, "status 206", false},
		"has nothing":  {http.NotFound, nil, "status 404", false},
		"is huge":      {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "9999999") }, nil, "9999999 bytes are more than max_size, 100000", false},
		"never ends": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				fmt.Fprint(w, lines(100))
			}
		}, nil, "more bytes than max_size, 100000", false},
		"too many":        {text(lines(11)), func(c *feed.Config) { c.Reading.MaxEntries = 10 }, "line 11: more entries than max_entries, 10", false},
		"loops":           {redirect("/loop"), nil, "more than 5 redirects", false},
		"leads out":       {redirect("http://192.0.2.1/list"), nil, "a redirect from https to http", false},
		"leads to a file": {redirect("file:///etc/passwd"), nil, "a redirect from https to http", false},
		"is slow": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			func(c *feed.Config) { c.Web.Timeout = 50 * time.Millisecond }, "not there within 50ms", false},
		"is slow in the middle": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, lines(50))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
			func(c *feed.Config) { c.Web.Timeout = 50 * time.Millisecond }, "not there within 50ms", false},
		"is somebody else":   {text(lines(100)), func(c *feed.Config) { c.Web.Roots = x509.NewCertPool() }, "certificate signed by unknown authority", false},
		"has another digest": {text(lines(99)), func(c *feed.Config) { c.Web.SHA256 = strings.Repeat("0", 64) }, "not the configured one", false},
		"blocks everybody":   {text("0.0.0.0/0\n::/0\n" + lines(8)), nil, `line 1: "0.0.0.0/0" is wider than /8`, false},
	} {
		t.Run(name, func(t *testing.T) {
			if c.after {
				t.Skip("is a matter of what was before")
			}
			config := web(s)
			if c.change != nil {
				c.change(&config)
			}
			config.MayBegin = true
			var told []feed.Outcome
			config.Told = func(_ *feed.List, o feed.Outcome) { told = append(told, o) }
			s.says(c.answer)
			if l := open(t, config, nil); l.Set().Len() != 0 || !l.Status().Stale {
				t.Error("something is in force:", l.Status())
			}
			if len(told) != 1 || told[0].Err == nil {
				t.Fatalf("told %+v", told)
			}
			if err := told[0].Err.Error(); !strings.Contains(err, c.want) || strings.Contains(err, "secret") {
				t.Errorf("%s\nwant %s", err, c.want)
			}
		})
		if c.change != nil {
			continue // nothing good could come before
		}
		t.Run("after a good one "+name, func(t *testing.T) {
			s.says(text(lines(100)))
			l := open(t, web(s), nil)
			set := l.Set()
			s.says(c.answer)
			if err := l.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
			if st := l.Status(); l.Set() != set || st.Failures != 1 || !strings.Contains(st.Failing, c.want) || st.Stale || st.Entries != 100 || strings.Contains(st.Source, "secret") {
				t.Errorf("%+v", st)
			}
			s.says(text(lines(101)))
			if err := l.Refresh(t.Context()); err != nil || l.Set().Len() != 101 || l.Status().Failing != "" {
				t.Error("does not recover:", err, l.Status())
			}
		})
	}
}

func TestNothingToBeginWith(t *testing.T) {
	s := serve(t)
	s.says(http.NotFound)
	c := web(s)
	if _, err := feed.Open(t.Context(), c, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Error("a list that is required began with nothing:", err)
	}
	c.MayBegin = true
	if l := open(t, c, nil); l.Set().Len() != 0 || l.Has(netip.MustParseAddr("192.0.0.1"), time.Now()) {
		t.Error("not empty")
	}
	c.MayBegin, c.Unwatched = false, true
	_, before := s.last()
	if l := open(t, c, nil); !l.Status().Unasked || l.Status().Stale {
		t.Errorf("%+v", l.Status())
	}
	if _, asked := s.last(); asked != before {
		t.Error("a check has asked")
	}
}

func TestVersions(t *testing.T) {
	for name, c := range map[string]struct{ field, value, back string }{
		"by tag":  {"ETag", `W/"1"`, "If-None-Match"},
		"by date": {"Last-Modified", "Mon, 30 Nov 2026 10:00:00 GMT", "If-Modified-Since"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			var full atomic.Int32
			s.says(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(c.field, c.value)
				if r.Header.Get(c.back) == c.value {
					w.WriteHeader(http.StatusNotModified)
					return
				}
				full.Add(1)
				fmt.Fprint(w, lines(10))
			})
			told := 0
			config := web(s)
			config.Told = func(*feed.List, feed.Outcome) { told++ }
			l := open(t, config, nil)
			set, good := l.Set(), l.Status().Good
			if err := l.Refresh(t.Context()); err != nil || l.Set() != set || full.Load() != 1 || !l.Status().Good.After(good) || told != 1 {
				t.Error(err, full.Load(), told, l.Status())
			}
		})
	}
	t.Run("304 for nothing", func(t *testing.T) {
		s := serve(t)
		s.says(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
		if _, err := feed.Open(t.Context(), web(s), nil); err == nil || !strings.Contains(err.Error(), "304") {
			t.Error(err)
		}
	})
	t.Run("the same without saying so", func(t *testing.T) {
		s := serve(t)
		s.says(text(lines(10)))
		l := open(t, web(s), nil)
		set := l.Set()
		if err := l.Refresh(t.Context()); err != nil || l.Set() != set {
			t.Error("read once more", err)
		}
	})
}

func TestSignatures(t *testing.T) {
	ours, theirs := newSigner('a'), newSigner('b')
	body := lines(10)
	bare := base64.StdEncoding.EncodeToString(ed25519.Sign(ours.key, []byte(body)))
	forged := strings.Replace(ours.sign(body, true), "timestamp:1796040000", "timestamp:1896040000", 1)
	for name, c := range map[string]struct{ key, signature, want string }{
		"hashed":              {ours.public(), ours.sign(body, true), ""},
		"as it was":           {ours.public(), ours.sign(body, false), ""},
		"bare":                {ours.bare(), bare + "\n", ""},
		"of another text":     {ours.public(), ours.sign("192.0.2.1", true), "not that of the key"},
		"of another key":      {ours.public(), theirs.sign(body, true), "signed with the key 6262626262626262, not with 6161616161616161"},
		"of a changed remark": {ours.public(), forged, "not that of the key"},
		"bare, of another":    {theirs.bare(), bare, "not that of the key"},
		"no signature":        {ours.public(), "<html>", "no file of minisign"},
		"cut":                 {ours.public(), ours.sign(body, true)[:80], "no file of minisign"},
		"bare, cut":           {ours.bare(), bare[:20], "not the Base64 of 64 bytes"},
		"endless":             {ours.public(), strings.Repeat("x", 5000), "more bytes than max_size, 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			s.says(text(body))
			s.saysAt("/sig", text(c.signature))
			config := web(s)
			var err error
			if config.Web.Key, err = feed.ParsePublicKey(c.key); err != nil {
				t.Fatal(err)
			}
			config.Web.SignatureURL = s.URL + "/sig"
			_, err = feed.Open(t.Context(), config, nil)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	for _, key := range []string{"", "?", "AAAA", base64.StdEncoding.EncodeToString(make([]byte, 42))} {
		if _, err := feed.ParsePublicKey(key); err == nil {
			t.Errorf("%q is a key", key)
		}
	}
}

// TestSecretsStayWithTheirHost leads to another host, which gets no field that was configured.
func TestSecretsStayWithTheirHost(t *testing.T) {
	s, other := serve(t), serve(t)
	other.says(text(lines(10)))
	s.says(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/elsewhere", http.StatusFound)
	})
	c := web(s)
	c.Web.Headers = [][2]string{{"X-Api-Key", "secret"}, {"Authorization", "Bearer secret"}}
	open(t, c, nil)
	if r, _ := s.last(); r.Header.Get("X-Api-Key") != "secret" || r.Header.Get("Authorization") == "" {
		t.Error("not sent")
	}
	if r, _ := other.last(); r == nil || r.Header.Get("X-Api-Key") != "" || r.Header.Get("Authorization") != "" {
		t.Error("sent elsewhere")
	}
}

func TestKeptOverStarts(t *testing.T) {
	s := serve(t)
	s.says(text(lines(100)))
	c := web(s)
	c.Folder = t.TempDir()
	open(t, c, nil).Close()
	s.says(http.NotFound)

	l := open(t, c, nil)
	if st := l.Status(); !st.FromDisk || st.Entries != 100 || st.Stale || l.Set().Len() != 100 {
		t.Errorf("%+v", st)
	}
	if err := l.Refresh(t.Context()); err == nil || l.Set().Len() != 100 {
		t.Error("what was kept is gone:", err)
	}
	files, err := filepath.Glob(filepath.Join(c.Folder, "list-*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	t.Run("another key is another list", func(t *testing.T) {
		signed := c
		signed.Web = new(feed.Web)
		*signed.Web = *c.Web
		if signed.Web.Key, err = feed.ParsePublicKey(newSigner('a').public()); err != nil {
			t.Fatal(err)
		}
		if _, err := feed.Open(t.Context(), signed, nil); err == nil {
			t.Error("what nobody signed is good for who wants a signature")
		}
	})
	t.Run("guards hold", func(t *testing.T) {
		stricter := c
		stricter.Guards.MinEntries = 101
		if _, err := feed.Open(t.Context(), stricter, nil); err == nil {
			t.Error("kept, but too few")
		}
	})
	t.Run("not whole", func(t *testing.T) {
		data, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(files[0], data[:len(data)-1], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := feed.Open(t.Context(), c, nil); err == nil {
			t.Error("half a list is in force")
		}
	})
	t.Run("what is of no list goes", func(t *testing.T) {
		old := filepath.Join(c.Folder, "list-old")
		if err := os.WriteFile(old, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-31 * 24 * time.Hour)
		if err := os.Chtimes(old, at, at); err != nil {
			t.Fatal(err)
		}
		s.says(text(lines(99)))
		open(t, c, nil)
		if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
			t.Error("is still there:", err)
		}
	})
}

// TestFolderThatCannotBeWritten costs nothing but the copy.
func TestFolderThatCannotBeWritten(t *testing.T) {
	s := serve(t)
	s.says(text(lines(10)))
	c := web(s)
	c.Folder = filepath.Join(t.TempDir(), "nowhere")
	if st := open(t, c, nil).Status(); st.Entries != 10 || st.Unkept == "" {
		t.Errorf("%+v", st)
	}
}

func TestAReloadGoesOnWithWhatIsThere(t *testing.T) {
	s := serve(t)
	s.says(text(lines(100)))
	first := open(t, web(s), nil)
	first.Has(netip.MustParseAddr("192.0.0.1"), time.Now())
	s.says(http.NotFound)
	c := web(s)
	c.Every, c.Guards.MaxShrink = time.Minute, 100
	if l := open(t, c, first); l.Set() != first.Set() || l.Matches() != 1 {
		t.Error("begins anew")
	}
	c.Reading.Format = addresses.CSV
	if _, err := feed.Open(t.Context(), c, first); err == nil {
		t.Error("goes on with what was read in another way")
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "new"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "list")); err != nil {
			t.Fatal(err)
		}
	}
	told := make(chan feed.Outcome, 10)
	c := feed.Config{
		ID: "office", Reading: addresses.Reading{Format: addresses.Plain}, Dir: dir, File: "list",
		Every: 10 * time.Millisecond, Stale: time.Minute, MaxSize: 1000, Guards: feed.Guards{MaxShrink: 100},
		Told: func(_ *feed.List, o feed.Outcome) { told <- o },
	}
	if _, err := feed.Open(t.Context(), c, nil); err == nil {
		t.Error("a file that is not there")
	}
	<-told
	put("192.0.2.1\n")
	l := open(t, c, nil)
	if o := <-told; !o.Changed || o.Entries != 1 {
		t.Fatalf("%+v", o)
	}
	put("192.0.2.1\n192.0.2.2\n")
	if o := <-told; !o.Changed || o.Before != 1 || o.Entries != 2 || l.Set().Len() != 2 {
		t.Fatalf("%+v", o)
	}
	put("192.0.2.3\nsomewhere\n")
	if o := <-told; o.Err == nil || !strings.Contains(o.Err.Error(), `line 2: "somewhere" is no address`) || l.Set().Len() != 2 {
		t.Fatalf("%+v", o)
	}
	if err := os.Remove(filepath.Join(dir, "list")); err != nil {
		t.Fatal(err)
	}
	if o := <-told; o.Err == nil || !o.Again || l.Set().Len() != 2 {
		t.Fatalf("%+v", o)
	}
	put("192.0.2.1\n192.0.2.2\n")
	if o := <-told; o.Err != nil || o.Changed || l.Status().Failing != "" {
		t.Fatalf("%+v", o)
	}
}

func TestFixed(t *testing.T) {
	l := open(t, feed.Config{ID: "a", Fixed: addresses.Of(netip.MustParsePrefix("192.0.2.0/24"))}, nil)
	if !l.Has(netip.MustParseAddr("192.0.2.1"), time.Now()) || l.Refresh(t.Context()) != nil || l.Status().Stale || l.Status().Source != "entries" || l.ID() != "a" {
		t.Errorf("%+v", l.Status())
	}
}

func TestDigestOfTheText(t *testing.T) {
	s := serve(t)
	s.says(text(lines(10)))
	c := web(s)
	c.Web.SHA256 = fmt.Sprintf("%X", sha256.Sum256([]byte(lines(10))))
	if l := open(t, c, nil); l.Set().Len() != 10 {
		t.Error(l.Status())
	}
}
