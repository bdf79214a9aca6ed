package token

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// teller answers with a key set that changes, and counts who asks.
type teller struct {
	mu     sync.Mutex
	text   []byte
	status int
	etag   string
	asked  atomic.Int32
	cached atomic.Int32
}

func (a *teller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.asked.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.etag != "" {
		if r.Header.Get("If-None-Match") == a.etag {
			a.cached.Add(1)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("ETag", a.etag)
	}
	if a.status != 0 {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(a.status)
	}
	_, _ = w.Write(a.text)
}

func (a *teller) say(status int, etag string, text []byte) {
	a.mu.Lock()
	a.status, a.etag, a.text = status, etag, text
	a.mu.Unlock()
}

// inProcess has the requests of a Remote answered without a connection.
type inProcess struct{ h http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.h.ServeHTTP(w, r)
	return w.Result(), nil
}

func remote(t *testing.T, a http.Handler, told func(RemoteConfig, bool, error)) *Remote {
	t.Helper()
	r, err := NewRemote(RemoteConfig{URL: "https://id.example/keys", Every: DefaultEvery}, told)
	if err != nil {
		t.Fatal(err)
	}
	r.client.Transport = inProcess{a}
	return r
}

func TestKeysAreFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := signers()
		a := &teller{text: set(t, jwk(t, "r", &s.rsa.PublicKey, nil)), etag: `"1"`}
		var failures atomic.Int32
		r := remote(t, a, func(_ RemoteConfig, _ bool, err error) {
			if err != nil {
				failures.Add(1)
			}
		})
		v := verifier(t, func(c *Config) { c.Issuers[0].Keys, c.Issuers[0].Remote = nil, r })
		r.Start()
		defer r.Close()
		wants(t, v, bearing(honest(t, nil)), None) // it has waited for the first fetch
		ec := bearing(sign(t, "ES256", `{"alg":"ES256","kid":"e"}`, claims(t, nil)))
		wants(t, v, ec, UnknownKey)
		if n := a.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}

		time.Sleep(2 * DefaultEvery)
		if n := a.cached.Load(); n < 1 {
			t.Error("keys that are as they were are fetched anew")
		}
		before := a.asked.Load()
		a.say(0, `"2"`, keySet(t))
		wants(t, v, ec, None) // a key that is new is fetched at once
		known := r.Keys()
		for range 5 {
			wants(t, v, bearing(sign(t, "RS256", `{"alg":"RS256","kid":"x"}`, claims(t, nil))), UnknownKey)
		}
		if n := a.asked.Load() - before; n != 1 {
			t.Errorf("asked %d times for keys that nobody has", n)
		}

		for _, bad := range []struct {
			status int
			text   string
		}{{500, "x"}, {301, "x"}, {0, "<html>"}, {0, `{"keys":[]}`}, {404, string(keySet(t))}} {
			was := failures.Load()
			a.say(bad.status, "", []byte(bad.text))
			time.Sleep(2 * DefaultEvery)
			if failures.Load() == was {
				t.Errorf("%d %s: nobody is told", bad.status, bad.text)
			}
			if r.Keys() != known {
				t.Errorf("%d %s: the keys are gone", bad.status, bad.text)
			}
		}
		wants(t, v, ec, None)
		if _, err := r.Standing(); err == nil {
			t.Error("it stands well")
		}

		// A key that is taken back signs nothing any more, whatever the cache knows.
		a.say(0, "", set(t, jwk(t, "r", &s.rsa.PublicKey, nil)))
		time.Sleep(2 * DefaultEvery)
		wants(t, v, ec, UnknownKey)
		wants(t, v, bearing(honest(t, nil)), None)
	})
}

// silent answers when its test allows.
type silent struct {
	teller
	gate chan struct{}
}

func (s *silent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	<-s.gate
	s.teller.ServeHTTP(w, r)
}

func TestNobodyWaitsLongForKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &silent{gate: make(chan struct{})}
		a.text = keySet(t)
		r := remote(t, a, nil)
		v := verifier(t, func(c *Config) { c.Issuers[0].Keys, c.Issuers[0].Remote = nil, r })
		r.Start()
		defer r.Close()
		var all sync.WaitGroup
		var longest, waited atomic.Int64
		began := time.Now()
		text := honest(t, nil)
		for range 200 {
			all.Go(func() {
				if _, why := v.Verify(bearing(text)); why != KeysMissing && why != Throttled {
					t.Error(why)
				}
				took := int64(time.Since(began))
				if took > 0 {
					waited.Add(1)
				}
				for was := longest.Load(); took > was && !longest.CompareAndSwap(was, took); was = longest.Load() {
				}
			})
		}
		all.Wait()
		if longest.Load() > int64(LongestWait) || waited.Load() > mostWaiting {
			t.Errorf("%d waited, for up to %v", waited.Load(), time.Duration(longest.Load()))
		}
		began = time.Now()
		wants(t, v, bearing(text), KeysMissing)
		if took := time.Since(began); took != 0 {
			t.Errorf("one more waited for %v", took)
		}
		close(a.gate)
		synctest.Wait()
		wants(t, v, bearing(text), None)
	})
}

func TestKeysOverTLS(t *testing.T) {
	a := &teller{text: keySet(t)}
	s := httptest.NewTLSServer(a)
	defer s.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	for _, c := range []struct {
		ca   string
		good bool
	}{{ca, true}, {"", false}} {
		told := make(chan error, 16)
		r, err := NewRemote(RemoteConfig{URL: s.URL, Every: time.Hour, CA: c.ca}, func(_ RemoteConfig, _ bool, err error) { told <- err })
		if err != nil {
			t.Fatal(err)
		}
		r.Start()
		if err := <-told; (err == nil) != c.good {
			t.Error(err)
		}
		r.Close()
	}
	if _, err := NewRemote(RemoteConfig{CA: "x"}, nil); err == nil {
		t.Error("a CA that is none is taken")
	}
}
