//go:build linux

package socket

import (
	"net"
	"testing"
	"time"
)

// Who leaves a connection with TLS says so on it: that is no request, and hides no end.
func TestGoneFromTLS(t *testing.T) {
	record := func(n int) string { return string([]byte{23, 3, 3, byte(n >> 8), byte(n)}) + string(make([]byte, n)) }
	for name, tt := range map[string]struct {
		sent   string
		closed bool
		want   bool
	}{
		"says goodbye":                {record(19), true, true},
		"says goodbye in TLS 1.2":     {record(26), true, true},
		"closes without a word":       {"", true, true},
		"says something and stays":    {record(19), false, false},
		"sends a request and closes":  {record(80), true, false},
		"sends two records":           {record(19) + record(19), true, false},
		"sends less than it promised": {record(19)[:20], true, false},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			client, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			sock, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer sock.Close()
			conn := New(sock)
			conn.Seal()
			if _, err := client.Write([]byte(tt.sent)); err != nil {
				t.Fatal(err)
			}
			if tt.closed {
				shut(t, client.Close)
			}
			impatient := time.Now().Add(-Patience)
			for limit := time.Now().Add(time.Second); conn.Gone(impatient) != tt.want && time.Now().Before(limit); { // it arrives a moment later
			}
			if got := conn.Gone(impatient); got != tt.want {
				t.Errorf("gone: %v", got)
			}
			if conn.Gone(time.Now().Add(time.Hour)) {
				t.Error("gone, although it may wait for its answer")
			}
		})
	}
}
