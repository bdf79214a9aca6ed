package crs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// backend is what stands behind the tier. It answers everything with an empty 200, and
// POST /reflect with what the body describes.
type backend struct {
	addr string

	mu      sync.Mutex
	clients map[string]bool // whose requests arrived, as the tier names them
}

func startBackend(t *testing.T) *backend {
	t.Helper()
	b := &backend{clients: map[string]bool{}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(serve))
	s.Listener = watched{s.Listener, b}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it reports every request that it finds malformed
	s.Start()
	t.Cleanup(s.Close)
	b.addr = s.Listener.Addr().String()
	return b
}

// reached reports whether a request of that client arrived, well-formed or not.
func (b *backend) reached(client string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clients[client]
}

// reflection is the answer that a request to /reflect asks for.
type reflection struct {
	Status      int               `json:"status"`
	Headers     map[string]string `json:"headers"`
	Body        string            `json:"body"`
	EncodedBody []byte            `json:"encodedBody"` // base64
	LogMessage  string            `json:"logMessage"`
}

func serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/reflect" {
		return
	}
	var want reflection
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&want); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for name, value := range want.Headers {
		w.Header().Set(name, value)
	}
	if want.Status != 0 {
		w.WriteHeader(want.Status)
	}
	if want.Body != "" {
		want.EncodedBody = []byte(want.Body)
	}
	_, _ = w.Write(want.EncodedBody) // the client may be gone
}

// watched notes whose requests arrive before they are parsed: net/http answers malformed
// ones itself.
type watched struct {
	net.Listener
	b *backend
}

func (l watched) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &watchedConn{Conn: c, b: l.b}, nil
}

type watchedConn struct {
	net.Conn
	b    *backend
	tail []byte // what may be the beginning of a field
}

var forwardedFor = []byte("\r\nX-Forwarded-For: ")

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.tail = append(c.tail, p[:n]...)
	for {
		i := bytes.Index(c.tail, forwardedFor)
		if i < 0 {
			c.tail = c.tail[max(0, len(c.tail)-len(forwardedFor)):]
			return n, err
		}
		client, rest, whole := bytes.Cut(c.tail[i+len(forwardedFor):], []byte("\r\n"))
		if !whole {
			c.tail = c.tail[i:]
			return n, err
		}
		c.b.mu.Lock()
		c.b.clients[string(client)] = true
		c.b.mu.Unlock()
		c.tail = append([]byte("\r\n"), rest...)
	}
}

func TestBackend(t *testing.T) {
	b := startBackend(t)
	text := base64.StdEncoding.EncodeToString([]byte("\x00\xff"))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+b.addr+"/reflect",
		bytes.NewReader(fmt.Appendf(nil, `{"status": 418, "headers": {"X-Pot": "tea"}, "encodedBody": %q}`, text)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", "127.1.2.3")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != "\x00\xff" || response.StatusCode != 418 || response.Header.Get("X-Pot") != "tea" {
		t.Errorf("got %d %v %q %v", response.StatusCode, response.Header, body, err)
	}
	if !b.reached("127.1.2.3") || b.reached("127.1.2.4") {
		t.Errorf("arrived: %v", b.clients)
	}
}
