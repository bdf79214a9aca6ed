package remote

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
)

// early is a connection to a receiver that answers when it has seen the first bytes. What is written behind them is under
// way until the next batch was made, even if the connection is closed meanwhile.
type early struct {
	net.Conn
	answer      io.Reader
	asked, made chan struct{}
	closed      chan struct{}
	first       int         // bytes that were written before the answer
	got         chan []byte // what was under way
}

func (e *early) Read(p []byte) (int, error) {
	<-e.asked
	if n, err := e.answer.Read(p); err == nil {
		return n, nil
	}
	<-e.closed
	return 0, net.ErrClosed
}

func (e *early) Write(p []byte) (int, error) {
	select {
	case <-e.asked:
		<-e.made
		e.got <- bytes.Clone(p)
	default:
		e.first = len(p)
		close(e.asked)
	}
	return len(p), nil
}

func (e *early) Close() error {
	close(e.closed)
	return nil
}

// What a receiver has not read yet when it answers stays what it was, whatever is sent next.
func TestEarlyAnswers(t *testing.T) {
	const size = 1 << 20
	for name, answer := range map[string]string{
		"at once":          "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
		"with a body":      "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno",
		"with a large one": "HTTP/1.1 400 Bad Request\r\n\r\n" + string(make([]byte, 2*answerBytes)),
	} {
		t.Run(name, func(t *testing.T) {
			conn := &early{
				answer: bytes.NewReader([]byte(answer)), got: make(chan []byte, size),
				asked: make(chan struct{}), made: make(chan struct{}), closed: make(chan struct{}),
			}
			h := NewHTTP(New(TLS{}, ""), "http://receiver.example", "text/plain", true)
			if _, err := h.remote.Refresh(); err != nil { // or Post makes a client of its own
				t.Fatal(err)
			}
			h.client = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}}
			text := func(c byte) {
				if err := h.Make(func(body io.Writer) error { _, err := body.Write(bytes.Repeat([]byte{c}, size)); return err }); err != nil {
					t.Fatal(err)
				}
			}
			text('a')
			if _, err := h.Post(t.Context()); err == nil {
				t.Error("taken")
			}
			text('b')
			close(conn.made)
			for left := size - conn.first; left > 0; { // or less, as a header comes first
				part := <-conn.got
				if left -= len(part); bytes.IndexByte(part, 'b') >= 0 {
					t.Fatal("the body is of two batches")
				}
			}
		})
	}
}
