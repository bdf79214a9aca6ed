package feed_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/blake2b"
)

// server is a real HTTPS server that serves a list, well or not.
type server struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	answer  http.HandlerFunc
	other   map[string]http.HandlerFunc // by path
	asked   int
	request *http.Request // the last one
}

func serve(t *testing.T) *server {
	s := &server{t: t, other: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		answer := s.answer
		if other := s.other[r.URL.Path]; other != nil {
			answer = other
		} else {
			s.asked++
			s.request = r
		}
		s.mu.Unlock()
		answer(w, r)
	}))
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// says makes the server answer so from now on.
func (s *server) says(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// saysAt is says for one path.
func (s *server) saysAt(path string, answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.other[path] = answer
}

func (s *server) last() (*http.Request, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.request, s.asked
}

// text answers with a text.
func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

// lines are a list of n addresses.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "192.0.%d.%d\n", i/256, i%256)
	}
	return b.String()
}

// signer signs as minisign does.
type signer struct {
	key ed25519.PrivateKey
	id  string
}

func newSigner(seed byte) signer {
	return signer{ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), 32))), strings.Repeat(string(rune(seed)), 8)}
}

func (s signer) public() string {
	return base64.StdEncoding.EncodeToString([]byte("Ed" + s.id + string(s.key.Public().(ed25519.PublicKey))))
}

func (s signer) bare() string {
	return base64.StdEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey))
}

// sign makes a file of minisign, hashed or as its first versions did.
func (s signer) sign(data string, hashed bool) string {
	kind, message := "Ed", []byte(data)
	if hashed {
		sum := blake2b.Sum512(message)
		kind, message = "ED", sum[:]
	}
	first := ed25519.Sign(s.key, message)
	comment := "timestamp:1796040000\tfile:list"
	second := ed25519.Sign(s.key, append(append([]byte{}, first...), comment...))
	return "untrusted comment: signature\n" + base64.StdEncoding.EncodeToString([]byte(kind+s.id+string(first))) +
		"\ntrusted comment: " + comment + "\n" + base64.StdEncoding.EncodeToString(second) + "\n"
}
