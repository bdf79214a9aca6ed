package k8s

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// connect reports whether anything answers a connection.
func connect(ctx context.Context, address string, timeout time.Duration) (got string, open bool) {
	d := net.Dialer{Timeout: timeout}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return plainError(err), false
	}
	conn.Close()
	status, err := ask(ctx, Request{Address: address, Host: address, Path: "/"}, "", timeout)
	if err != nil {
		return "connected", true
	}
	return "connected, answers " + strconv.Itoa(status), true
}

// ask sends one request on a connection of its own, as it is: a client that follows
// redirects, or tries again, would hide what happens.
func ask(ctx context.Context, r Request, query string, timeout time.Duration) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	d := net.Dialer{}
	conn, err := d.DialContext(ctx, "tcp", r.Address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return 0, err
		}
	}
	if r.TLS != "" {
		if conn, err = handshake(ctx, conn, r.TLS); err != nil {
			return 0, err
		}
	}
	req := &http.Request{
		Method: cmp.Or(r.Method, http.MethodGet), Host: r.Host, Header: r.Header.Clone(), Close: true,
		URL: &url.URL{Path: r.Path, RawQuery: query},
	}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("User-Agent", "wafer-verify")
	req.Header.Set("Accept", "*/*")
	if err := req.Write(conn); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

// handshake speaks TLS on a connection, and has the other side show a certificate that is for name and whose dates
// hold. Which authorities callers believe is not known here, so the chain is theirs to judge.
func handshake(ctx context.Context, conn net.Conn, name string) (net.Conn, error) {
	secure := tls.Client(conn, &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	leaf := secure.ConnectionState().PeerCertificates[0]
	now := time.Now()
	switch {
	case leaf.VerifyHostname(name) != nil:
		return nil, fmt.Errorf("TLS: the certificate is not for %s", name)
	case now.Before(leaf.NotBefore) || now.After(leaf.NotAfter):
		return nil, fmt.Errorf("TLS: the certificate is good from %s to %s", leaf.NotBefore.UTC().Format(time.DateTime), leaf.NotAfter.UTC().Format(time.DateTime))
	}
	return secure, nil
}

func statusText(status int, err error) string {
	if err != nil {
		return plainError(err)
	}
	return strconv.Itoa(status)
}

// plainError is an error of the network without the addresses, which stand beside it.
func plainError(err error) string {
	var timeout net.Error
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return dns.Err
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
