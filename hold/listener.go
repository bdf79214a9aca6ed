package hold

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// Listener is a listening socket that a keeper has a descriptor of.
type Listener struct {
	net.Listener
	path, name string
	log        zerolog.Logger

	mu     sync.Mutex
	keeper *net.UnixConn // nil: there is none for now
	closed bool
}

// How long a keeper is waited for at the start, and how often it is looked for.
const (
	startWait = 2 * time.Second
	lookEvery = 100 * time.Millisecond
)

// Listen listens by the socket that the keeper at path holds under a name, such as an address, or else by one
// that listen opens and that the keeper is given. A keeper that is not there is looked for, until the listener is
// closed, and costs nothing else.
func Listen(ctx context.Context, path, name string, listen func() (net.Listener, error), log zerolog.Logger) (net.Listener, error) {
	l := &Listener{path: path, name: name, log: log}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	var inherited net.Listener
	var err error
	for {
		if l.keeper, inherited, err = l.ask(ctx); err == nil {
			break
		}
		select {
		case <-time.After(lookEvery):
			continue
		case <-ctx.Done():
		}
		log.Warn().Err(err).Str("socket", path).Msg("nobody holds the listening socket")
		break
	}
	if l.Listener = inherited; inherited == nil {
		if l.Listener, err = listen(); err != nil {
			l.leave()
			return nil, err
		}
	}
	if err := l.give(inherited != nil); err != nil {
		log.Warn().Err(err).Msg("give the listening socket to its keeper")
	}
	go l.stay()
	return l, nil
}

// ask connects to the keeper and takes the socket that it holds, if it does.
func (l *Listener) ask(ctx context.Context) (*net.UnixConn, net.Listener, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", l.path)
	if err != nil {
		return nil, nil, err
	}
	keeper := c.(*net.UnixConn)
	ln, err := l.inherit(keeper)
	if err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	return keeper, ln, nil
}

func (l *Listener) inherit(keeper *net.UnixConn) (net.Listener, error) {
	if err := keeper.SetDeadline(time.Now().Add(startWait)); err != nil { // one that is stopped must not stop the start
		return nil, err
	}
	defer func() { _ = keeper.SetDeadline(time.Time{}) }() // it fails with the connection
	if _, err := fmt.Fprintf(keeper, "%s\n", l.name); err != nil {
		return nil, err
	}
	word, file, err := receive(keeper)
	switch {
	case err != nil:
		return nil, err
	case word == none:
		return nil, nil
	case word != has || file == nil:
		return nil, fmt.Errorf("the keeper says %q", word)
	}
	defer file.Close()
	return net.FileListener(file)
}

// give gives the keeper the socket, unless it has it.
func (l *Listener) give(has bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	sock, ok := l.Listener.(syscall.Conn)
	if l.keeper == nil || has || !ok {
		return nil
	}
	return send(l.keeper, keep, sock)
}

// stay gives the socket to the keeper's successors, until the listener is closed.
func (l *Listener) stay() {
	for {
		if keeper := l.current(); keeper != nil {
			_, _ = keeper.Read(make([]byte, 1)) // it says nothing; this is its end
			_ = keeper.Close()
		}
		if l.isClosed() {
			return
		}
		l.set(nil)
		time.Sleep(lookEvery)
		if l.isClosed() {
			return
		}
		keeper, inherited, err := l.ask(context.Background())
		if err != nil {
			continue
		}
		if inherited != nil { // of a process that was here between; the one that is served counts
			_ = inherited.Close()
		}
		l.set(keeper)
		if err := l.give(false); err == nil {
			l.log.Info().Str("socket", l.path).Msg("the listening socket has a keeper again")
		}
	}
}

func (l *Listener) current() *net.UnixConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keeper
}

// set replaces the keeper; one that comes after the end is told so.
func (l *Listener) set(keeper *net.UnixConn) {
	l.mu.Lock()
	l.keeper = keeper
	closed := l.closed
	l.mu.Unlock()
	if closed {
		l.leave()
	}
}

func (l *Listener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// leave tells the keeper that the socket is not to be held any longer.
func (l *Listener) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.keeper == nil {
		return
	}
	_ = send(l.keeper, bye, nil) // who is gone holds nothing
	_ = l.keeper.Close()
	l.keeper = nil
}

// Close stops listening, here and at the keeper.
func (l *Listener) Close() error {
	l.leave()
	return l.Listener.Close()
}
