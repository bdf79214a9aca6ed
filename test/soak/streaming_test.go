package soak

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// period is the length after which a pattern repeats: a prime, so that no buffer's length
// divides it, and bytes that are lost, doubled or moved do not match.
const period = 1_048_573

// newPattern returns a pattern twice in a row, as a form with one long word.
func newPattern() []byte {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	source := rand.NewPCG(1, 2) // any seed; always the same
	b := make([]byte, 2*period)
	for i := range period {
		b[i] = letters[source.Uint64()%uint64(len(letters))]
	}
	copy(b, "a=")
	copy(b[period:], b)
	return b
}

// stream reads size bytes of the pattern.
type stream struct {
	pattern  []byte
	at, size int64
}

func (s *stream) Read(p []byte) (int, error) {
	if s.at == s.size {
		return 0, io.EOF
	}
	from := s.at % period
	n := copy(p[:min(int64(len(p)), s.size-s.at)], s.pattern[from:from+period])
	s.at += int64(n)
	return n, nil
}

// verify reads r and compares it with the pattern. It returns how many bytes agree.
func verify(pattern []byte, r io.Reader) (int64, error) {
	var at int64
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		from := at % period
		if !bytes.Equal(buf[:n], pattern[from:from+int64(n)]) {
			return at, fmt.Errorf("wrong bytes after %d", at)
		}
		at += int64(n)
		if err == io.EOF {
			return at, nil
		}
		if err != nil {
			return at, err
		}
	}
}

// TestStreaming sends one huge body up and another one down at the same time. Both arrive
// byte for byte, and the process's memory does not care how huge they are.
func TestStreaming(t *testing.T) {
	size := int64(2 << 30)
	if testing.Short() {
		size = 128 << 20 // still twice what memory may grow
	}
	const most = 64 << 20 // that memory may grow
	pattern := newPattern()
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = io.Copy(w, &stream{pattern: pattern, size: size}) // the client counts
			return
		}
		n, err := verify(pattern, r.Body)
		fmt.Fprintf(w, "%d %v", n, err)
	}))
	t.Cleanup(back.Close)

	w := tier.Plain(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: prefix, hosts: [prefix.test], policy: prefix, timeouts: { request: 10m }, upstreams: [{ id: back }] }
  - { id: unread, hosts: [unread.test], policy: unread, timeouts: { request: 10m }, upstreams: [{ id: back }] }
upstreams: [{ id: back, endpoints: ["%s"] }]
policies:
  - { id: prefix, request_body: { oversize: inspect_prefix }, response_body: { inspect: true } }
  - { id: unread, request_body: { inspect: false } }
`, back.URL)), "--reload-interval", "0")
	f := func(name, host string, chunked bool, label, reason string) {
		t.Run(name, func(t *testing.T) {
			ask := func(method, path string, body io.Reader, length int64, read func(io.Reader) error) error {
				req, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.Addr+path, body)
				if err != nil {
					return err
				}
				req.Host, req.ContentLength = host, length
				req.Header.Set("Accept", "*/*")
				if body != nil {
					req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				resp, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				if resp.StatusCode != 200 {
					return fmt.Errorf("status %d", resp.StatusCode)
				}
				return read(resp.Body)
			}
			up := func(size int64) error {
				length := size
				if chunked {
					length = -1
				}
				return ask("POST", "/up", &stream{pattern: pattern, size: size}, length, func(r io.Reader) error {
					said, err := io.ReadAll(r)
					if want := fmt.Sprintf("%d <nil>", size); err == nil && string(said) != want {
						err = fmt.Errorf("upload: the backend got %s, want %s", said, want)
					}
					return err
				})
			}
			down := func() error {
				return ask("GET", "/down", nil, 0, func(r io.Reader) error {
					n, err := verify(pattern, r)
					if err != nil || n != size {
						err = fmt.Errorf("download: %d bytes of %d: %w", n, size, errors.Join(err, io.ErrUnexpectedEOF))
					}
					return err
				})
			}
			if err := up(1000); err != nil { // what is made once is made
				t.Fatal(err)
			}
			measure(t, w)
			// Memory that the runtime has freed and not yet returned would hide growth.
			unused := int64(w.Metric("go_memstats_heap_idle_bytes") - w.Metric("go_memstats_heap_released_bytes"))
			rest := memory(t, w.PID(), "VmRSS") - unused
			if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", w.PID()), []byte("5"), 0); err != nil { // resets VmHWM
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			var errs [2]error
			wg.Go(func() { errs[0] = up(size) })
			wg.Go(func() { errs[1] = down() })
			wg.Wait()
			if err := errors.Join(errs[:]...); err != nil {
				t.Fatal(err)
			}
			peak := memory(t, w.PID(), "VmHWM")
			t.Logf("%d MiB up and down: %d MiB at rest (and %d MiB freed), %d MiB at most", size>>20, rest>>20, unused>>20, peak>>20)
			if peak-rest > most {
				t.Errorf("memory grew by %d MiB", (peak-rest)>>20)
			}
			if n := sum(w, "wafer_coverage_total", `coverage="`+label+`"`, `reason="`+reason+`"`); n == 0 {
				_, text := w.Get("/metrics")
				t.Errorf("no request has the label %s, %s\n%s", label, reason, text)
			}
		})
	}
	f("inspected prefix, length", "prefix.test", false, "partial", "oversize")
	f("inspected prefix, chunked", "prefix.test", true, "partial", "oversize")
	f("not inspected, length", "unread.test", false, "headers", "body_off")
	f("not inspected, chunked", "unread.test", true, "headers", "body_off")
}
