package demo_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/cmd/wafer/demo"
)

// start runs the backends for one test and returns a client that shows redirects.
func start(t *testing.T) (*demo.Backends, *http.Client) {
	t.Helper()
	b, err := demo.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// exchange sends one request and returns the status, the header section and the whole body.
func exchange(t *testing.T, c *http.Client, method, url, contentType, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(got)
}

func TestBackendsAnswer(t *testing.T) {
	b, client := start(t)
	const form, json = "application/x-www-form-urlencoded", "application/json"
	shop, legacy := "http://"+b.Shop, "http://"+b.Legacy

	f := func(method, url, contentType, body string, wantStatus int, wantType, wantBody string) {
		t.Helper()
		status, header, got := exchange(t, client, method, url, contentType, body)
		if status != wantStatus {
			t.Errorf("%s %s: status %d, want %d", method, url, status, wantStatus)
		}
		if ct := header.Get("Content-Type"); !strings.HasPrefix(ct, wantType) {
			t.Errorf("%s %s: Content-Type %q, want %q", method, url, ct, wantType)
		}
		if !strings.Contains(got, wantBody) {
			t.Errorf("%s %s: body lacks %q:\n%s", method, url, wantBody, got)
		}
	}

	f("GET", shop+"/", "", "", 200, "text/html", "Stoneware mug")
	f("GET", shop+"/about", "", "", 200, "text/html", "/debug/error")
	f("GET", shop+"/nothing", "", "", 404, "text/plain", "")
	f("GET", shop+"/search?q=KETTLE", "", "", 200, "text/html", "1 found for “KETTLE”")
	f("GET", shop+"/search?q=%3Cscript%3E", "", "", 200, "text/html", "&lt;script&gt;")
	f("GET", shop+"/login", "", "", 200, "text/html", "Password")
	f("POST", shop+"/login", form, "user=demo&password=demo", 303, "", "")
	f("POST", shop+"/login", form, "user=demo&password=no", 401, "text/html", "not the name")
	f("POST", shop+"/login", form, strings.Repeat("a", 65<<10), 413, "text/plain", "unreadable form")
	f("GET", shop+"/api/products", "", "", 200, json, `"price_cents":1890`)
	f("POST", shop+"/api/orders", json, `{"product":"mug","note":"hi"}`, 201, json,
		`{"status":"accepted","order":{"product":"mug","quantity":1,"note":"hi"}}`)
	f("POST", shop+"/api/orders", "", `{"product":"mug"}`, 415, "text/plain", "application/json")
	f("POST", shop+"/api/orders", json, `{"product":"boat"}`, 404, "text/plain", "no such product")
	f("POST", shop+"/api/orders", json, `{"product":`, 400, "text/plain", "unreadable order")
	f("GET", shop+"/upload", "", "", 200, "text/html", "multipart/form-data")
	f("POST", shop+"/upload", form, "photo=1", 415, "text/plain", "multipart/form-data")
	f("GET", shop+"/debug/error", "", "", 500, "text/plain", "java.lang.NullPointerException")

	f("GET", legacy+"/", "", "", 200, "text/html", "Welcome")
	f("GET", legacy+"/guestbook", "", "", 200, "text/html", "800 by 600")
	f("POST", legacy+"/guestbook", form, "name=eve&text=%3Cb%3Ehello", 303, "", "")
	f("GET", legacy+"/guestbook", "", "", 200, "text/html", "<dt>eve</dt><dd>&lt;b&gt;hello</dd>")
	f("GET", legacy+"/item?id=1%20OR%201=1", "", "", 200, "text/html", "WHERE id = 1 OR 1=1")
}

func TestUploadIsCountedUpToALimit(t *testing.T) {
	b, client := start(t)
	f := func(size, wantStatus int, wantBody string) {
		t.Helper()
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		part, err := w.CreateFormFile("photo", "mug.png")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		status, _, got := exchange(t, client, "POST", "http://"+b.Shop+"/upload", w.FormDataContentType(), body.String())
		if status != wantStatus || strings.TrimSpace(got) != wantBody {
			t.Errorf("upload of %d bytes: %d %q, want %d %q", size, status, got, wantStatus, wantBody)
		}
	}
	f(0, 200, `[{"name":"mug.png","bytes":0}]`)
	f(1<<20, 200, `[{"name":"mug.png","bytes":1048576}]`)
	// Barely above the limit, so that the client has sent everything before it reads the answer.
	f(10<<20, 413, "unreadable upload")
}

func TestGuestbookStaysSmall(t *testing.T) {
	b, client := start(t)
	url := "http://" + b.Legacy + "/guestbook"
	for range 30 {
		status, _, _ := exchange(t, client, "POST", url, "application/x-www-form-urlencoded",
			"name=n&text="+strings.Repeat("x", 5000))
		if status != 303 {
			t.Fatalf("status %d", status)
		}
	}
	_, _, page := exchange(t, client, "GET", url, "", "")
	if n := strings.Count(page, "<dt>"); n != 20 {
		t.Errorf("%d entries, want 20", n)
	}
	if n := strings.Count(page, "x"); n > 20*2001 {
		t.Errorf("entries hold %d bytes", n)
	}
}

func TestBackendsEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b, err := demo.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	b.Wait()
	for _, addr := range []string{b.Shop, b.Legacy} {
		if c, err := net.Dial("tcp", addr); err == nil {
			t.Errorf("%s accepts connections after its context ended", addr)
			_ = c.Close()
		}
	}
}
