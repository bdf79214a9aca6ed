//go:build unix

package socket

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
)

// A client that has sent more than anybody reads gets its response whole, be the rest a line end that old
// ones put behind a body or a request that nobody will answer. Who is abandoned gets a reset all the same.
func TestUnreadBytesDoNotResetTheResponse(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(inner, Options{})
	defer l.Close()
	for name, tt := range map[string]struct {
		sent    string
		abandon bool
		want    error
	}{
		"more":            {"ab", false, nil},
		"no more":         {"a", false, nil},
		"more, abandoned": {"ab", true, syscall.ECONNRESET},
	} {
		client, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c := accepted.Socket()
		if _, err := io.WriteString(client, tt.sent); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil { // the rest has arrived with it
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "response"); err != nil {
			t.Fatal(err)
		}
		if tt.abandon {
			c.Abandon()
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if got, err := io.ReadAll(client); !errors.Is(err, tt.want) || err == nil && string(got) != "response" {
			t.Errorf("%s: %q %v, want %v", name, got, err, tt.want)
		}
		_ = client.Close()
	}
}
