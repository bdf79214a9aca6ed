package e2e

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

const bigBytes = 20 << 20

// big is the reproducible body of large transfers: one long form value.
var big = func() []byte {
	b := make([]byte, bigBytes)
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz012345"[(i*i>>3+i)%32]
	}
	copy(b, "q=")
	return b
}()

func digest(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// upload is what a backend saw of one request's body.
type upload struct {
	length int64 // announced, -1: chunked
	bytes  int64
	digest string
	err    error
}

// bodies is a backend that speaks of the bodies it received and sends ones of all kinds.
func bodies(t *testing.T, uploads, cuts chan<- upload, proceed <-chan struct{}) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		u := upload{r.ContentLength, n, fmt.Sprintf("%x", h.Sum(nil)), err}
		if r.URL.Query().Get("cut") != "" {
			cuts <- u
			return
		}
		uploads <- u
		fmt.Fprintf(w, "%d %d %s", u.length, u.bytes, u.digest)
	})
	mux.HandleFunc("/download", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("length") != "" {
			w.Header().Set("Content-Length", strconv.Itoa(bigBytes))
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(big)
	})
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.Header().Set("ETag", `"e"`)
		w.WriteHeader(code)
	})
	mux.HandleFunc("/sized", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1234")
		_, _ = w.Write(big[:1234])
	})
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, _ *http.Request) {
		for _, part := range []string{"one ", "two ", "three"} {
			_, _ = io.WriteString(w, part)
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			<-proceed
		}
	})
	mux.HandleFunc("/short", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("length") != "" {
			w.Header().Set("Content-Length", "100000")
		}
		_, _ = w.Write(big[:50000])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestBodies(t *testing.T) {
	t.Parallel()
	uploads, cuts, proceed := make(chan upload, 100), make(chan upload, 100), make(chan struct{}, 100)
	back := bodies(t, uploads, cuts, proceed)
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: off, hosts: [off.test], policy: off, upstreams: [{ id: a }] }
  - { id: prefix, hosts: [prefix.test], policy: prefix, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.URL+`"] }
policies:
  - { id: off, mode: off }
  - { id: prefix, request_body: { limit: 16KiB, oversize: inspect_prefix }, crs: { restricted_headers_basic: [proxy] } }
`))
	const form = "Content-Type: application/x-www-form-urlencoded"
	for _, host := range []string{"off.test", "prefix.test"} {
		t.Run(host, func(t *testing.T) {
			t.Run("answers without a body", func(t *testing.T) {
				c := dial(t, w.Addr, "") // one connection: a body where none belongs would be the next answer
				r := c.send(request("HEAD", host, "/sized")).reply("HEAD").wantStatus(t, 200)
				if r.header.Get("Content-Length") != "1234" || r.body != "" {
					t.Errorf("HEAD: %v %q", r.header, r.body)
				}
				c.send(request("HEAD", host, "/chunks")).reply("HEAD").wantStatus(t, 200)
				for _, code := range []int{204, 304} {
					r = c.send(request("GET", host, "/status/"+strconv.Itoa(code))).reply("GET").wantStatus(t, code)
					if r.header.Get("ETag") != `"e"` || r.body != "" || r.header.Get("Transfer-Encoding") != "" {
						t.Errorf("%d: %v %q", code, r.header, r.body)
					}
				}
				if r = c.send(request("GET", host, "/sized")).reply("GET").wantStatus(t, 200); r.body != string(big[:1234]) {
					t.Errorf("GET after them: %.200q", r.body)
				}
			})
			t.Run("uploads", func(t *testing.T) {
				f := func(raw string, want upload) {
					t.Helper()
					ask(t, w.Addr, raw).wantStatus(t, 200)
					got := tier.Receive(t, "the upload", uploads)
					if got != want {
						t.Errorf("the backend received %+v, want %+v", got, want)
					}
				}
				chunks := func(parts ...string) string {
					var b strings.Builder
					b.WriteString(request("POST", host, "/upload", form, "Transfer-Encoding: chunked"))
					for _, p := range parts {
						b.WriteString(hex(len(p)) + "\r\n" + p + "\r\n")
					}
					return b.String() + "0\r\n\r\n"
				}
				f(request("POST", host, "/upload", form, "Content-Length: 0"), upload{length: 0, digest: digest(nil)})
				f(message("POST", host, "/upload", "q=1", form), upload{length: 3, bytes: 3, digest: digest([]byte("q=1"))})
				small := upload{length: -1, bytes: 5, digest: digest([]byte("q=123"))}
				if host == "prefix.test" {
					small.length = 5 // what was inspected whole has a length
				}
				f(chunks("q=", "12", "3"), small)
				f(message("POST", host, "/upload", string(big), form), upload{length: bigBytes, bytes: bigBytes, digest: digest(big)})
				f(chunks(string(big[:100]), string(big[100:1<<20]), string(big[1<<20:])), upload{length: -1, bytes: bigBytes, digest: digest(big)})
			})
			t.Run("downloads", func(t *testing.T) {
				c := dial(t, w.Addr, "")
				for _, query := range []string{"?length=1", ""} {
					r := c.send(request("GET", host, "/download"+query)).reply("GET").wantStatus(t, 200)
					if len(r.body) != bigBytes || digest([]byte(r.body)) != digest(big) {
						t.Errorf("%s: %d bytes arrived, or others", query, len(r.body))
					}
				}
			})
			t.Run("cut downloads look cut", func(t *testing.T) {
				for _, query := range []string{"?length=1", ""} {
					c := dial(t, w.Addr, "").send(request("GET", host, "/short"+query))
					resp := c.head("GET")
					body, err := io.ReadAll(resp.Body)
					if !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("%q: %d bytes and %v, want an early end", query, len(body), err)
					}
					wantEvent(t, w.Access(resp.Header.Get("X-Request-Id")), map[string]any{"error": "response_body"})
				}
			})
			t.Run("cut uploads never look whole", func(t *testing.T) {
				chunked := request("POST", host, "/upload?cut=chunked", form, "Transfer-Encoding: chunked")
				for path, raw := range map[string]string{
					"length": request("POST", host, "/upload?cut=length", form, "Content-Length: 1000") + "q=1",
					"large":  request("POST", host, "/upload?cut=large", form, "Content-Length: 100000") + string(big[:50000]),
					"chunks": chunked + "3\r\nq=1\r\n",
					"chunk":  chunked + "30\r\nq=1",
				} {
					cut := func(e map[string]any) bool {
						return e["error"] == "body" || e["error"] == "truncated" || e["error"] == "client_gone"
					}
					before := len(w.Events(cut))
					c := dial(t, w.Addr, "").send(raw)
					if err := c.Close(); err != nil {
						t.Fatal(err)
					}

					tier.Eventually(t, "an event about the cut upload "+path, func() bool {
						return len(w.Events(cut)) > before
					})
				}
			})
			t.Run("events arrive while the stream goes on", func(t *testing.T) {
				c := dial(t, w.Addr, "").send(request("GET", host, "/events"))
				resp := c.head("GET")
				for i := range 3 {
					want := fmt.Sprintf("data: %d\n\n", i)
					got := make([]byte, len(want))
					if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
						t.Fatalf("event %d: %q, %v", i, got, err)
					}
					proceed <- struct{}{} // only now does the backend go on
				}
				if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
					t.Errorf("after the stream: %q, %v", rest, err)
				}
			})
			t.Run("pipelined requests are answered in order", func(t *testing.T) {
				var raw bytes.Buffer
				const n = 8
				for i := range n {
					raw.WriteString(message("POST", host, "/upload", "q="+strings.Repeat("x", i), form))
				}
				c := dial(t, w.Addr, "").send(raw.String())
				for i := range n {
					r := c.reply("POST").wantStatus(t, 200)
					tier.Receive(t, "the upload", uploads)
					if want := fmt.Sprintf("%d %[1]d ", i+2); !strings.HasPrefix(r.body, want) {
						t.Errorf("answer %d is %q, want %q", i, r.body, want)
					}
				}
			})
			t.Run("100-continue", func(t *testing.T) {
				c := dial(t, w.Addr, "").send(request("POST", host, "/upload", form, "Content-Length: 3", "Expect: 100-continue"))
				if resp := c.head("POST"); resp.StatusCode != 100 {
					t.Fatalf("status %d, want 100", resp.StatusCode)
				}
				c.send("q=1").reply("POST").wantStatus(t, 200)
				if u := tier.Receive(t, "the upload", uploads); u.bytes != 3 || u.err != nil {
					t.Errorf("the backend received %+v", u)
				}
			})
			t.Run("HTTP/1.0", func(t *testing.T) {
				c := dial(t, w.Addr, "").send("GET /chunks HTTP/1.0\r\nHost: " + host + "\r\nUser-Agent: e2e\r\nAccept: */*\r\n\r\n")
				all, err := io.ReadAll(c.br) // to the end of the connection
				if err != nil {
					t.Fatal(err)
				}
				head, body, _ := strings.Cut(string(all), "\r\n\r\n")
				if !strings.HasPrefix(head, "HTTP/1.") || !strings.Contains(head, " 200 ") || strings.Contains(strings.ToLower(head), "transfer-encoding") || body != "one two three" {
					t.Errorf("answer to HTTP/1.0: %q", all)
				}
			})
		})
	}
	back.Close() // waits for its handlers
	close(cuts)
	for u := range cuts {
		if u.err == nil {
			t.Errorf("the backend took a cut upload for whole: %+v", u)
		}
	}
}

// leak is what an application tells when nobody has turned its error pages off.
const leak = `java.sql.SQLSyntaxErrorException: You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near 'ORDER BY price' at line 1
	at com.mysql.cj.jdbc.StatementImpl.executeQuery(StatementImpl.java:1200)
Caused by: java.lang.NullPointerException
`

func TestResponsesAreInspected(t *testing.T) {
	t.Parallel()
	late := string(big[:100_000]) + leak
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Inside", "1")
		body := []byte(map[string]string{"/leak": leak, "/late": late}[r.URL.Path])
		if accepted := r.Header.Get("Accept-Encoding"); accepted != "" {
			if accepted != "gzip" {
				t.Errorf("the backend was asked for %q", accepted)
			}
			w.Header().Set("Content-Encoding", "gzip")
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, _ = z.Write(body) // into memory
			_ = z.Close()
			body = packed.Bytes()
		}
		if r.URL.Query().Get("chunked") == "" {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		_, _ = w.Write(body)
		w.(http.Flusher).Flush()
	}))
	t.Cleanup(back.Close)
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: shop, policy: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.URL+`"] }
policies:
  - { id: shop, response_body: { inspect: true, limit: 16KiB } }
`))
	for _, query := range []string{"", "?chunked=1"} {
		for _, fields := range [][]string{nil, {"Accept-Encoding: aws128gcm, gzip"}} {
			r := get(t, w, "shop.test", "/leak"+query, fields...).wantStatus(t, 403)
			if strings.Contains(r.body, "java") || r.header.Get("X-Inside") != "" {
				t.Errorf("the leak is shown: %v\n%s", r.header, r.body)
			}
			wantEvent(t, w.Security(r.id), map[string]any{"verdict": "block", "phase": 4.0, "status": 403.0})
			wantEvent(t, w.Access(r.id), map[string]any{"upstream": "a"})
		}

		r := get(t, w, "shop.test", "/late"+query).wantStatus(t, 200)
		if r.body != late {
			t.Errorf("%d of %d bytes arrived, or others", len(r.body), len(late))
		}
		wantEvent(t, w.Access(r.id), map[string]any{"verdict": "pass", "coverage": "partial", "coverage_reason": "oversize", "bytes_out": float64(len(late))})
	}
}
