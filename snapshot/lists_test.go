package snapshot

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/access/feed"
	"github.com/wafer-waf/wafer/test/mmdb"
)

// withLists is a configuration whose lists come from everywhere: partners, file and web are denied, office is not.
const withLists = good + `
access:
  - id: default
    rules:
      - { id: office, when: { addresses: [office] }, then: always_allow }
      - { id: listed, when: { addresses: [partners, file, web, 203.0.113.7] }, then: deny }
      - { id: abroad, when: { countries: [FR, unknown], asns: [AS64496, unknown] }, then: deny }
lists:
  - { id: office, entries: [192.0.2.1] }
  - { id: partners, entries: [{ address: 192.0.2.0/24, until: 2099-01-01, reason: audit }] }
  - { id: file, file: list.txt }
  - { id: web, url: "URL", ca: [ca.pem], start: START }
geo: { country: geo.mmdb, asn: geo.mmdb }
`

// feedServer serves what stands in text, or 404.
type feedServer struct {
	*httptest.Server
	text  atomic.Pointer[string]
	asked atomic.Int64
}

func (s *feedServer) says(text string) { s.text.Store(&text) }

// newListRig writes the configuration and the files beside it.
func newListRig(t *testing.T, start string) (*rig, *feedServer, string) {
	s := &feedServer{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.asked.Add(1)
		if text := s.text.Load(); text != nil {
			fmt.Fprint(w, *text)
			return
		}
		http.NotFound(w, nil)
	}))
	t.Cleanup(s.Close)
	text := strings.NewReplacer("URL", s.URL, "START", start).Replace(withLists)
	r := newRig(t, text)
	r.LastGood = nil // what is refused at the start ends it
	r.Builder.Feeds = Feeds{Serving: true, Folder: t.TempDir()}
	t.Cleanup(func() {
		if now := r.InForce(); now != nil {
			now.Release()
		}
	})
	r.put("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	r.put("list.txt", "198.51.100.0/24 # nobody\n")
	r.put("geo.mmdb", string(mmdb.Write("Test", map[string]mmdb.Record{
		"192.0.2.0/24": {"country": mmdb.Record{"iso_code": "DE"}, "asn": "AS64496"},
		"10.1.0.0/16":  {"country": mmdb.Record{"iso_code": "FR"}, "asn": "AS64496"},
		"10.2.0.0/16":  {"country": mmdb.Record{"iso_code": "FR"}, "asn": "AS64499"},
		"10.3.0.0/16":  {"country": mmdb.Record{"iso_code": "DE"}},
	})))
	return r, s, text
}

func (r *rig) put(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(filepath.Dir(r.file), name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// denied are those of some addresses that the policy in force denies, and the rules.
func (r *rig) denied(addresses ...string) (all []string) {
	for _, a := range addresses {
		d := r.InForce().Access.Decide(&access.Request{Client: netip.MustParseAddr(a), Method: "GET", Path: []byte("/"), Now: time.Now()})
		if d.Verdict == access.Deny {
			all = append(all, a+" "+d.Rule)
		}
	}
	return all
}

func (r *rig) same(got []string, want ...string) {
	r.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("%q, want %q", got, want)
	}
}

func TestConditionsAskListsAndDatabases(t *testing.T) {
	r, s, text := newListRig(t, "refuse")
	s.says("203.0.113.1\n")
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.same(r.denied("192.0.2.1", "192.0.2.2", "198.51.100.1", "203.0.113.1", "203.0.113.7", "203.0.113.8", "10.1.0.1", "10.2.0.1", "10.3.0.1"),
		"192.0.2.2 listed", "198.51.100.1 listed", "203.0.113.1 listed", "203.0.113.7 listed", "203.0.113.8 abroad", "10.1.0.1 abroad")

	steps := r.InForce().Access.Explain(&access.Request{Client: netip.MustParseAddr("192.0.2.2"), Now: time.Now()})
	if got := fmt.Sprint(steps[len(steps)-1].Says); got != "deny (192.0.2.2 is in 192.0.2.0/24 of list partners, until 2099-01-01T00:00:00Z: audit)" {
		t.Error(got)
	}
	state := r.DescribeLists(netip.MustParseAddr("198.51.100.1"))
	if state.Lists[2].Entry != "198.51.100.0/24 of list file, line 1 of list.txt" || state.Lists[0].Entry != "" || state.Country != "" || len(state.Geo) != 1 {
		t.Errorf("%+v", state)
	}

	// A new set is no new snapshot.
	before := r.InForce()
	list := before.sources.lists["web"]
	s.says("203.0.113.2\n203.0.113.3\n")
	if err := list.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.same(r.denied("203.0.113.2", "203.0.113.1"), "203.0.113.2 listed", "203.0.113.1 abroad")
	if r.InForce() != before {
		t.Error("another snapshot")
	}

	// A reload shares what stays, and ends what goes.
	r.write(strings.Replace(text, "id: good", "id: better", 1))
	if _, err := r.reload("test"); err != nil {
		t.Fatal(err)
	}
	if now := r.InForce(); now == before || now.sources.lists["web"] != list || s.asked.Load() != 2 {
		t.Error("the list begins anew", s.asked.Load())
	}
	r.write(good)
	if _, err := r.reload("test"); err != nil {
		t.Fatal(err)
	}
	list.Ended() // or the test does not
}

func TestStartWithoutAFeed(t *testing.T) {
	t.Run("is refused", func(t *testing.T) {
		r, _, _ := newListRig(t, "refuse")
		if err := r.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "lists[3].url: answered with status 404") {
			t.Error(err)
		}
	})
	t.Run("is empty", func(t *testing.T) {
		r, s, _ := newListRig(t, "empty")
		changed := make(chan bool, 1)
		r.Builder.Feeds.ListTold = func(l *feed.List, o feed.Outcome) {
			if l.ID() == "web" && o.Changed {
				changed <- true
			}
		}
		if err := r.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.same(r.denied("10.3.0.1"))
		s.says("10.3.0.1\n")
		r.RefreshLists()
		<-changed
		r.same(r.denied("10.3.0.1"), "10.3.0.1 listed")
	})
	t.Run("begins with what was kept", func(t *testing.T) {
		r, s, text := newListRig(t, "refuse")
		s.says("10.3.0.1\n")
		if err := r.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.text.Store(nil)
		again := newRig(t, text)
		again.file, again.LastGood = r.file, nil
		again.Source, again.Builder.Feeds = r.Source, r.Builder.Feeds
		if err := again.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer again.InForce().Release()
		again.same(again.denied("10.3.0.1"), "10.3.0.1 listed")
	})
}

// TestCheckAsksNobody builds as "wafer check" does.
func TestCheckAsksNobody(t *testing.T) {
	r, s, _ := newListRig(t, "refuse")
	r.Builder.Feeds = Feeds{}
	if err := r.Load(t.Context()); err != nil || s.asked.Load() != 0 {
		t.Error(err, s.asked.Load())
	}
	if state := r.DescribeLists(netip.Addr{}); !state.Lists[3].Unasked || state.Lists[2].Entries != 1 {
		t.Errorf("%+v", state.Lists)
	}
}

func TestListsThatAreWrong(t *testing.T) {
	r, s, text := newListRig(t, "refuse")
	s.says("203.0.113.1\n")
	r.put("list.txt", "198.51.100.0/24\n198.51.100.1/24\n")
	r.put("geo.mmdb", "nothing")
	r.put("ca.pem", "nothing")
	r.write(strings.Replace(text, "start: refuse", "start: refuse, signature: key", 1))
	err := r.Load(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`lists[2].file: 1 of 2 entries cannot be read, more than max_bad allows; line 2: "198.51.100.1/24" has bits set behind the prefix length`,
		"lists[3].ca: no certificate in it", "geo: geo.mmdb: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
	r.put("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	if err := r.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "lists[3].signature.key: no Base64") {
		t.Error(err)
	}
	if n := len(r.Builder.lists) + len(r.Builder.places); n != 0 {
		t.Errorf("%d stay open", n)
	}
}

var _ access.Addresses = (*feed.List)(nil)

func TestAskLists(t *testing.T) {
	r, s, _ := newListRig(t, "refuse")
	c, err := r.Source.Load()
	if err != nil {
		t.Fatal(err)
	}
	of := []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("203.0.113.1")}
	states, err := AskLists(c, true, of)
	if err != nil || len(states) != 2 || states[0].Lists[3].Failing == "" || states[0].Country != "DE" || states[0].ASN != 64496 || states[0].Lists[1].Entry == "" || states[1].Lists[3].Entry != "" {
		t.Errorf("%+v, %v", states, err)
	}
	s.says("203.0.113.0/24\n")
	if states, err = AskLists(c, true, of); err != nil || !strings.HasPrefix(states[1].Lists[3].Entry, "203.0.113.0/24 of list web, line 1 of https://") {
		t.Errorf("%+v, %v", states, err)
	}
	asked := s.asked.Load()
	if states, err = AskLists(c, false, nil); err != nil || len(states) != 1 || !states[0].Lists[3].Unasked || s.asked.Load() != asked {
		t.Errorf("%+v, %v", states, err)
	}
	r.put("geo.mmdb", "nothing")
	if _, err = AskLists(c, false, nil); err == nil || !strings.Contains(err.Error(), "geo.mmdb") {
		t.Error(err)
	}
}
