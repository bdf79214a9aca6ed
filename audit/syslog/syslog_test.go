package syslog_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/audit/syslog"
	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/remote"
	"github.com/wafer-waf/wafer/test/certs"
)

var security = &delivery.Kind{Name: "security", Severity: delivery.Warning}

func batch(number uint64, lines ...string) delivery.Batch[delivery.Line] {
	b := delivery.Batch[delivery.Line]{Number: number}
	for _, l := range lines {
		b.Items = append(b.Items, delivery.Line{Text: []byte(l), At: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Kind: security})
	}
	return b
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// frames reads messages by their lengths.
func frames(t *testing.T, from io.Reader, n int) (all []string) {
	t.Helper()
	r := bufio.NewReader(from)
	for range n {
		size, err := r.ReadString(' ')
		if err != nil {
			t.Error(err)
			return all
		}
		length, err := strconv.Atoi(strings.TrimSuffix(size, " "))
		if err != nil {
			t.Error(err)
			return all
		}
		message := make([]byte, length)
		if _, err := io.ReadFull(r, message); err != nil {
			t.Error(err)
			return all
		}
		all = append(all, string(message))
	}
	return all
}

var message = regexp.MustCompile(`^<132>1 2026-01-02T03:04:05\.000006Z [!-~]+ wafer-1 [0-9]+ security - (\{.*\})$`)

func TestMessages(t *testing.T) {
	ca := certs.Authority(t, "logs")
	dir := t.TempDir()
	own := ca.Issue(t, certs.Of{CN: "wafer"})
	certs.Write(t, dir, map[string][]byte{"ca": ca.Cert(), "cert": own.Cert(), "key": own.PrivateKey()})
	server := &tls.Config{
		Certificates: []tls.Certificate{ca.Issue(t, certs.Of{CN: "127.0.0.1", IPs: []net.IP{net.IPv4(127, 0, 0, 1)}}).Pair()},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(), MinVersion: tls.VersionTLS12,
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, network := range []string{"tcp", "tcp+tls"} {
		t.Run(network, func(t *testing.T) {
			ln := listen(t)
			if network == "tcp+tls" {
				ln = tls.NewListener(ln, server)
			}
			got := make(chan []string, 1)
			go func() {
				conn, err := ln.Accept()
				if err != nil {
					t.Error(err)
					close(got)
					return
				}
				defer conn.Close()
				got <- frames(t, conn, 3)
				<-t.Context().Done() // who ends a connection too early gets the batch again
			}()
			c := syslog.New(syslog.Options{
				Network: network, Address: ln.Addr().String(), Facility: 16, App: "wafer\xff -1",
				Remote: remote.New(remote.TLS{CA: at("ca"), Cert: at("cert"), Key: at("key")}, ""),
			})
			defer c.Close()
			if err := c.Carry(t.Context(), batch(1, `{"a":"ü"}`, `{"b":1}`)); err != nil {
				t.Fatal(err)
			}
			if err := c.Carry(t.Context(), batch(2, `{"c":1}`)); err != nil {
				t.Fatal(err)
			}
			for i, m := range <-got {
				match := message.FindStringSubmatch(m)
				if want := []string{`{"a":"ü"}`, `{"b":1}`, `{"c":1}`}[i]; len(match) < 2 || match[1] != want {
					t.Errorf("%q, want %q", m, want)
				}
			}
		})
	}
}

// A server that has ended the connection, or reads no more, is not taken for one that has the batch.
func TestBrokenServers(t *testing.T) {
	const stops = "reads no more" // the only one of which nobody hears: its batch ends with the context
	for name, serve := range map[string]func(net.Conn){
		"ends the connection": func(c net.Conn) { _ = c.Close() },
		"resets it": func(c net.Conn) {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		},
		stops: func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			ln := listen(t)
			served, again := make(chan struct{}), make(chan []string, 1)
			go func() {
				first, err := ln.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				defer first.Close()
				_ = first.(*net.TCPConn).SetReadBuffer(4096)
				serve(first)
				close(served)
				second, err := ln.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				defer second.Close()
				again <- frames(t, second, 1)
				<-t.Context().Done()
			}()
			c := syslog.New(syslog.Options{Network: "tcp", Address: ln.Addr().String(), App: "wafer", Remote: remote.New(remote.TLS{}, "")})
			defer c.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if name == stops {
				go func() {
					<-served
					cancel()
				}()
			}
			b := batch(1, `{"large":"`+strings.Repeat("x", 20<<20)+`"}`)
			if err := c.Carry(ctx, b); err == nil {
				t.Fatal("taken")
			}
			<-served
			if err := c.Carry(t.Context(), batch(2, `{"a":1}`)); err != nil {
				t.Fatal(err)
			}
			if got := <-again; len(got) != 1 || !strings.HasSuffix(got[0], `{"a":1}`) {
				t.Errorf("%q", got)
			}
		})
	}
}

// A server that speaks, and does not stop, is not listened to: that would be all that a processor does.
func TestSpeakingServer(t *testing.T) {
	ln := listen(t)
	left := make(chan struct{})
	go func() {
		defer close(left)
		conn, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		for err == nil {
			_, err = conn.Write(make([]byte, 4096))
		}
	}()
	c := syslog.New(syslog.Options{Network: "tcp", Address: ln.Addr().String(), App: "wafer", Remote: remote.New(remote.TLS{}, "")})
	defer c.Close()
	_ = c.Carry(t.Context(), batch(1, `{"a":1}`)) // it may have arrived
	select {
	case <-left:
	case <-time.After(time.Minute):
		t.Fatal("it is still listened to")
	}
}

// What is sent by datagrams ends with its context, too.
func TestDatagramsEnd(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c := syslog.New(syslog.Options{Network: "udp", Address: server.LocalAddr().String(), App: "wafer", Remote: remote.New(remote.TLS{}, "")})
	defer c.Close()
	if err := c.Carry(t.Context(), batch(1, `{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	if err := c.Carry(over, batch(2, `{"a":1}`)); err == nil {
		t.Error("sent after its time")
	}
}

func TestDatagrams(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c := syslog.New(syslog.Options{Network: "udp", Address: server.LocalAddr().String(), Facility: 16, App: "wafer-1", Remote: remote.New(remote.TLS{}, "")})
	defer c.Close()
	err = c.Carry(t.Context(), batch(1, `{"a":1}`, `{"long":"`+strings.Repeat("x", 70000)+`"}`, `{"b":1}`))
	var refused *delivery.Refusal
	if !errors.As(err, &refused) || refused.Items != 1 || refused.Why != delivery.TooLong {
		t.Errorf("%v", err)
	}
	buf := make([]byte, 1000)
	for _, want := range []string{`{"a":1}`, `{"b":1}`} {
		n, _, err := server.ReadFrom(buf)
		if match := message.FindSubmatch(buf[:n]); err != nil || match == nil || string(match[1]) != want {
			t.Errorf("%q, %v", buf[:n], err)
		}
	}
}
