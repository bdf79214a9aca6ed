package main

import (
	"bufio"
	"fmt"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// client is one connection that is kept as long as the server keeps it.
type client struct {
	addr string
	conn net.Conn
	br   *bufio.Reader
	resp fasthttp.Response
	end  time.Time // of patience
}

// patience is how long a response may take, at most; at least half of it.
const patience = 40 * time.Second

// do sends a request and reads the response, which lives until the next one.
func (c *client) do(raw []byte) (status int, err error) {
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", c.addr, 5*time.Second); err != nil {
			return 0, err
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

// verify sends every request of a pool once and looks at every answer: attacks are
// answered with attackStatus, everything else with 200 and the backend's own body.
func verify(v *server, p pool, backend string, attackStatus int) error {
	through, direct := &client{addr: v.addr}, &client{addr: backend}
	defer through.close()
	defer direct.close()
	for i, r := range p.list {
		status, err := through.do(r.raw)
		if err != nil {
			return fmt.Errorf("verify %s: %s request %d: %w", v.name, p.name, i, err)
		}
		want := 200
		if r.attack {
			want = attackStatus
		}
		if status != want {
			return fmt.Errorf("verify %s: %s request %d: status %d, want %d:\n%s", v.name, p.name, i, status, want, r.raw)
		}
		if want != 200 {
			continue
		}
		if _, err := direct.do(r.raw); err != nil {
			return fmt.Errorf("verify %s: backend: %w", v.name, err)
		}
		if string(through.resp.Body()) != string(direct.resp.Body()) {
			return fmt.Errorf("verify %s: %s request %d: not the backend's body", v.name, p.name, i)
		}
	}
	return nil
}
