package socket

import (
	"io"
	"net"
	"sync"
	"time"
)

// A socket that is closed with unread bytes on it sends a reset, which can destroy the
// answer on its way to the client (RFC 9112 9.6). So the end of the response is announced,
// and what the client still sends is read for a while.
const (
	lingerTime  = 2 * time.Second
	lingerBytes = 32 << 20
	lingerMost  = 1024 // connections at once; beyond that, the responses take their chances
)

// buffers are for what comes around HTTP: PROXY protocol headers, and what nobody wants to read.
var buffers = sync.Pool{New: func() any { return new(preface) }}

type halfCloser interface{ CloseWrite() error }

// linger closes the sock when its peer did, or after a while, and calls then done. It
// does not block.
func (l *Listener) linger(sock net.Conn, done func()) {
	half, ok := sock.(halfCloser)
	if ok {
		select {
		case l.lingering <- struct{}{}:
		default:
			ok = false
		}
	}
	if !ok {
		_ = sock.Close()
		done()
		return
	}
	go func() {
		defer func() {
			_ = sock.Close()
			<-l.lingering
			done()
		}()
		_ = sock.SetDeadline(time.Now().Add(lingerTime))
		if half.CloseWrite() == nil {
			drain(sock)
		}
	}()
}

func drain(r io.Reader) {
	b := buffers.Get().(*preface)
	defer buffers.Put(b)
	for left := lingerBytes; left > 0; {
		n, err := r.Read(b.b[:])
		if err != nil {
			return
		}
		left -= n
	}
}
