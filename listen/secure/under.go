package secure

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/socket"
)

// What a client may send before its handshake is done.
const (
	mostHello     = 20 << 10  // before its first message is whole
	mostHandshake = 128 << 10 // in all, with a chain of certificates
)

var (
	errNoPlace  = errors.New("too many handshakes wait for a place")
	errTooLarge = errors.New("the client's handshake is too large")
)

// under is the socket as TLS sees it. Until the handshake is done it counts what comes, and whoever computes has a
// place at the gate: it is given back before a read waits for the client.
type under struct {
	*socket.Conn
	l       *Listener
	due     time.Time // of the handshake
	done    bool
	placed  bool
	client  netip.Prefix
	read    int
	most    int
	closing bool

	// What the handshake has found out.
	terms   *identity.Terms
	asked   *identity.Asked
	refusal string // why it will fail; empty: nothing is known
	alert   uint8  // what the client has said in clear text; 0: nothing
}

func (u *under) Read(p []byte) (int, error) {
	if u.done {
		return u.Conn.Read(p)
	}
	u.leave()
	if u.read >= u.most {
		return 0, errTooLarge
	}
	n, err := u.Conn.Read(p)
	if n == 0 {
		return 0, err
	}
	if u.read == 0 {
		u.client = household(u.RemoteAddr()) // which the PROXY protocol may have told just now
	}
	u.read += n
	if a := alertIn(p[:n]); a != 0 {
		u.alert = a
	}
	if !u.l.o.Gate.enter(u.client, time.Until(u.due)) {
		return 0, errNoPlace
	}
	u.placed = true
	return n, nil
}

func (u *under) leave() {
	if u.placed {
		u.placed = false
		u.l.o.Gate.leave()
	}
}

// Write writes p. Of a connection that is to be reset, TLS does not say that it ends in order: who reads must not
// take a part for the whole. That TLS could not say it in time is not what a client is cut off for: what was
// written before may be on its way for longer.
func (u *under) Write(p []byte) (int, error) {
	if u.closing && u.Abandoned() {
		return 0, net.ErrClosed
	}
	n, err := u.Conn.Write(p)
	if u.closing && errors.Is(err, os.ErrDeadlineExceeded) {
		u.Restore()
	}
	return n, err
}

// SetWriteDeadline is called by TLS alone, around its last words.
func (u *under) SetWriteDeadline(t time.Time) error {
	u.closing = true
	u.WriteBy(u.At(t))
	return u.Conn.SetWriteDeadline(t)
}

// SetDeadline does nothing: whoever reads and writes says what is waited for.
func (u *under) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, likewise.
func (u *under) SetReadDeadline(time.Time) error { return nil }
