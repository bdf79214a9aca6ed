package upstream

import (
	"crypto/tls"
	"errors"
	"io"
	"time"

	"github.com/wafer-waf/wafer/socket"
)

// farewell is how long a connection that is closed may take to say so.
const farewell = 100 * time.Millisecond

// secure is the TLS of a connection to an endpoint.
type secure struct {
	tls    *tls.Conn
	below  below
	chosen string // of the protocols that were offered; empty: the endpoint did not choose

	// What was read while a write waited for the endpoint.
	looking  chan struct{} // somebody is reading; nil: nobody is
	ahead    []byte        // and has got this, which belongs in front of what is read next
	aheadErr error
	room     [len(interimStart)]byte
}

// handshake makes a connection speak TLS.
func (c *conn) handshake(config *tls.Config, until time.Time) error {
	due := c.At(until)
	c.ReadBy(c.Now(), due)
	c.PaceWrites(due, 0, 0)
	s := &secure{below: below{Conn: c.Conn}}
	s.tls = tls.Client(&s.below, config)
	if err := s.tls.Handshake(); err != nil {
		return err
	}
	s.chosen = s.tls.ConnectionState().NegotiatedProtocol
	c.secure = s
	return nil
}

// Read reads what was sent through TLS. An end is one only if the endpoint has said so: anybody on the way can cut a
// connection.
func (s *secure) read(p []byte) (int, error) {
	s.join()
	if len(s.ahead) > 0 {
		n := copy(p, s.ahead)
		s.ahead = s.ahead[n:]
		return n, nil
	}
	if err := s.aheadErr; err != nil {
		s.aheadErr = nil
		return 0, err
	}
	n, err := s.tls.Read(p)
	return n, s.told(err)
}

func (s *secure) told(err error) error {
	if err == io.EOF && s.below.cut {
		return io.ErrUnexpectedEOF
	}
	return err
}

// silent reports whether nothing waits that means anything to HTTP: what TLS itself has to say, tickets for sessions and new
// keys, is taken and done. Anything else, an end and a part of a record included, is no silence. It waits for nothing.
func (s *secure) silent() bool {
	if len(s.ahead) > 0 || s.aheadErr != nil {
		return false
	}
	s.below.PaceReads(0, 0)
	s.below.PaceWrites(s.below.Now().After(farewell), 0, 0) // new keys are answered
	var one [1]byte
	n, err := s.glance(one[:])
	return n == 0 && errors.Is(err, errQuiet) && s.below.betweenRecords()
}

// glance reads what has arrived; if that is nothing, it fails with errQuiet.
func (s *secure) glance(p []byte) (int, error) {
	s.below.glancing = true
	n, err := s.tls.Read(p)
	s.below.glancing = false
	return n, err
}

// lookTime is how long a look at what has arrived may take: it does not wait for the network.
const lookTime = 50 * time.Millisecond

// waiting returns the first few bytes that have come while a write waits, and whether the endpoint has ended the
// connection. TLS may have to answer what it reads, and the write at hand is in its way: so the look is taken beside
// it, and given up if it does not end.
func (s *secure) waiting() (b []byte, ended bool) {
	if s.looking == nil && len(s.ahead) == 0 && s.aheadErr == nil {
		done := make(chan struct{})
		s.looking = done
		go func() {
			defer close(done)
			n, err := s.glance(s.room[:])
			s.ahead = s.room[:n]
			if !errors.Is(err, errQuiet) {
				s.aheadErr = s.told(err)
			}
		}()
	}
	if s.looking != nil {
		late := time.NewTimer(lookTime)
		defer late.Stop()
		select {
		case <-s.looking:
			s.looking = nil
		case <-late.C:
			return nil, false
		}
	}
	return s.ahead, s.aheadErr != nil
}

// join waits for who is looking. No write is in its way any more.
func (s *secure) join() {
	if s.looking != nil {
		<-s.looking
		s.looking = nil
	}
}

// below is the socket as TLS sees it. It knows where records end, whether the endpoint has cut the connection
// without a word, and can read without waiting.
type below struct {
	*socket.Conn
	glancing bool // a read that would have to wait fails
	cut      bool // the socket has ended
	sent     int  // bytes that the socket has taken in the exchange at hand
	left     int  // bytes of the record at hand
	head     [recordHead]byte
	have     int // bytes of head
}

// recordHead is the length of what stands before each record: its type, its version, its length.
const recordHead = 5

// Read reads for TLS. The errors that are timeouts leave its state as it is.
func (b *below) Read(p []byte) (int, error) {
	if b.glancing && b.Quiet() {
		return 0, errQuiet
	}
	n, err := b.Conn.Read(p)
	b.follow(p[:n])
	b.cut = b.cut || err == io.EOF
	return n, err
}

// Write writes for TLS.
func (b *below) Write(p []byte) (int, error) {
	n, err := b.Conn.Write(p)
	b.sent += n
	return n, err
}

// follow keeps count of records.
func (b *below) follow(p []byte) {
	for len(p) > 0 {
		if b.left > 0 {
			n := min(b.left, len(p))
			b.left, p = b.left-n, p[n:]
			continue
		}
		n := copy(b.head[b.have:], p)
		b.have, p = b.have+n, p[n:]
		if b.have == recordHead {
			b.have, b.left = 0, int(b.head[3])<<8|int(b.head[4])
		}
	}
}

func (b *below) betweenRecords() bool { return b.left == 0 && b.have == 0 }

// SetWriteDeadline is what TLS calls to say farewell, with its lock on writes.
func (b *below) SetWriteDeadline(t time.Time) error {
	b.WriteBy(min(b.At(t), b.Now().After(farewell)))
	return nil
}

// errQuiet says that a read would have to wait. TLS goes on after it, as after any error that passes.
var errQuiet = quiet{}

type quiet struct{}

func (quiet) Error() string   { return "nothing has arrived" }
func (quiet) Timeout() bool   { return true }
func (quiet) Temporary() bool { return true }
