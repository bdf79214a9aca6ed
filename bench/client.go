package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

// client is one connection that is kept as long as the server keeps it.
type client struct {
	addr string
	tls  *tls.Config // nil: clear text
	conn net.Conn
	br   *bufio.Reader
	resp fasthttp.Response
	end  time.Time // of patience
}

// patience is how long a response may take, at most; at least half of it.
const patience = 40 * time.Second

// do sends a request and reads the response, which lives until the next one. A server may
// close a kept connection at any time, so that one that ends without a byte of an answer is
// tried again on a new connection, as browsers do.
func (c *client) do(raw []byte) (status int, err error) {
	kept := c.conn != nil
	status, err = c.once(raw)
	if kept && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)) {
		return c.once(raw)
	}
	return status, err
}

func (c *client) once(raw []byte) (status int, err error) {
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", c.addr, 5*time.Second); err != nil {
			return 0, err
		}
		if c.tls != nil {
			c.conn = tls.Client(c.conn, c.tls)
		}
		c.br, c.end = bufio.NewReaderSize(c.conn, 16<<10), time.Time{}
	}
	if now := time.Now(); now.Add(patience / 2).After(c.end) { // rarely: it is not free
		c.end = now.Add(patience)
		if err := c.conn.SetDeadline(c.end); err != nil {
			return 0, err
		}
	}
	if _, err = c.conn.Write(raw); err == nil {
		err = c.resp.Read(c.br)
	}
	if err != nil || c.resp.ConnectionClose() {
		c.close()
	}
	return c.resp.StatusCode(), err
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// wrong is an answer that is not what it should be.
type wrong struct {
	request request
	index   int
	status  int
	why     string
}

func (w wrong) Error() string {
	return fmt.Sprintf("request %d: status %d: %s:\n%.1000s", w.index, w.status, w.why, w.request.raw)
}

// ask sends every request of a pool once and looks at every answer: attacks are refused by
// servers that inspect, everything else is answered with 200 and the backend's own body. It
// returns the answers that are wrong.
func ask(v *server, p pool, backend string) (all []wrong, err error) {
	through, direct := &client{addr: v.addr}, &client{addr: backend}
	defer through.close()
	defer direct.close()
	for i, r := range p.list {
		status, err := through.do(r.raw)
		if err != nil {
			return all, fmt.Errorf("verify %s: %s request %d: %w:\n%.1000s", v.name, p.name, i, err, r.raw)
		}
		if !v.rightly(r, status) {
			all = append(all, wrong{r, i, status, fmt.Sprintf("want %d", v.wants(r))})
			continue
		}
		if status != 200 {
			continue
		}
		if _, err := direct.do(r.raw); err != nil {
			return all, fmt.Errorf("verify %s: backend: %w", v.name, err)
		}
		if string(through.resp.Body()) != string(direct.resp.Body()) {
			all = append(all, wrong{r, i, status, "not the backend's body"})
		}
	}
	return all, nil
}

// verify fails at the first wrong answer.
func verify(v *server, p pool, backend string) error {
	all, err := ask(v, p, backend)
	if err == nil && len(all) > 0 {
		err = fmt.Errorf("verify %s: %s: %w", v.name, p.name, all[0])
	}
	return err
}
