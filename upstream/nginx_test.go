package upstream

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/message"
)

// TestNginx asks another implementation of HTTP/2: for what is large, with bodies that it reads, and with one that it does not.
func TestNginx(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil || overTLS {
		t.Skip("no nginx: ", err)
	}
	dir := t.TempDir()
	cert, key := testCA().sign(nil)
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	clear, secure, behind := freeAddr(t), freeAddr(t), startBackend(t, func(s *session) {
		for {
			r, body := s.request()
			if r == nil {
				return
			}
			s.answer(body)
		}
	})
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": key, "large": large, "nginx.conf": fmt.Appendf(nil, `
daemon off; master_process off; error_log stderr error; pid nginx.pid;
events { }
http {
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  client_max_body_size 0;
  server {
    listen %s http2;
    listen %s ssl http2;
    ssl_certificate cert.pem; ssl_certificate_key key.pem;
    location = /large { root .; }
    location = /echo { proxy_pass http://%s; proxy_http_version 1.1; }
    location = /early { return 413 early; }
  }
}`, clear, secure, behind.addr())} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), nginx, "-p", dir, "-c", "nginx.conf")
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Signal(os.Interrupt); _ = c.Wait(); t.Log(said.String()) })
	eventually(t, "nginx listens", func() bool {
		conn, err := net.Dial("tcp", secure)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	for name, url := range map[string]string{"h2c": "http://" + clear, "h2": "https://" + secure} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, speaks(HTTP2), url)
			if status, body, err := do(p, newRequest("GET", "/large", "Host: localhost"), newExchange()); status != 200 || body != string(large) || err != nil {
				t.Error("large:", status, len(body), err)
			}
			for _, length := range []int{len(large), -1} {
				out := newRequest("POST", "/echo", "Host: localhost")
				out.Body = message.Body{Stream: bytes.NewReader(large), Length: length}
				if status, body, err := do(p, out, newExchange()); status != 200 || body != string(large) || err != nil {
					t.Error("echo:", status, len(body), err)
				}
			}
			out := newRequest("POST", "/early", "Host: localhost")
			out.Body = message.Body{Stream: io.LimitReader(zeros{}, 64<<20), Length: -1}
			if status, body, err := do(p, out, newExchange()); status != 413 || !strings.Contains(body, "early") || err != nil {
				t.Error("early:", status, body, err)
			}
			if status, _, err := do(p, newRequest("HEAD", "/large", "Host: localhost"), newExchange()); status != 200 || err != nil {
				t.Error("HEAD:", status, err)
			}
		})
	}
}
