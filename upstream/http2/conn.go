package http2

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Limits of what an endpoint may send.
const (
	// Window is how many bytes of a response's body may wait for their reader.
	Window = 64 << 10

	connWindow   = 1 << 20   // of all streams; what arrives is given back at once
	maxHeadBytes = 64 << 10  // of a list of fields, as RFC 9113 counts; one above it costs its stream
	mostHead     = 512 << 10 // and above this the connection
	maxFrame     = 16 << 10
	tableBytes   = 4 << 10 // of HPACK, in both directions
	mostStreams  = 256     // at once on a connection, whatever the endpoint allows
	firstStreams = 100     // before it has said how many
	mostChatter  = 1000    // frames that say nothing, in a minute
)

// Socket is what a connection speaks on. Its writes give up by themselves when the endpoint takes nothing for too long.
type Socket interface {
	io.ReadWriteCloser
}

// Options of a connection.
type Options struct {
	Secure bool          // the scheme is https
	Idle   time.Duration // without a stream for as long, it is closed
	Probe  time.Duration // for an endpoint that has fallen silent to answer a ping

	// Closed is called once, when the connection has ended. It must not block.
	Closed func()
}

// Conn is a connection to an endpoint.
type Conn struct {
	sock Socket
	o    Options
	fr   *http2.Framer // read by serve, written under wmu

	wmu   sync.Mutex // held by who writes; mu may be taken within
	bw    *bufio.Writer
	enc   *hpack.Encoder
	block bytes.Buffer

	mu       sync.Mutex
	streams  map[uint32]*stream
	reserved int // places for streams that will be opened
	next     uint32
	most     int   // streams at once
	window   int64 // bytes of bodies that the endpoint takes, of all streams
	initial  int64 // likewise, of a new one
	frame    int   // bytes in one frame
	taken    int   // bytes received since the window was last given back
	heard    uint64
	probing  bool // a ping is under way
	leaving  bool // no more streams
	err      error
	idle     *time.Timer

	settled bool      // the endpoint's settings have come; serve's
	chatter int       // serve's
	since   time.Time // when it was begun to be counted; serve's
}

// New begins to speak on sock, which it closes in the end.
func New(sock Socket, o Options) (*Conn, error) {
	c := &Conn{
		sock: sock, o: o, bw: bufio.NewWriterSize(sock, maxFrame+512), streams: map[uint32]*stream{}, next: 1,
		most: firstStreams, window: 65535, initial: 65535, frame: maxFrame,
	}
	c.fr = http2.NewFramer(c.bw, bufio.NewReaderSize(sock, maxFrame))
	c.fr.ReadMetaHeaders = hpack.NewDecoder(tableBytes, nil)
	c.fr.MaxHeaderListSize = mostHead
	c.fr.SetMaxReadFrameSize(maxFrame)
	c.fr.SetReuseFrames()
	c.enc = hpack.NewEncoder(&c.block)
	c.enc.SetMaxDynamicTableSizeLimit(tableBytes)
	c.idle = time.AfterFunc(o.Idle, func() { c.LeaveUnused() })
	if err := c.greet(); err != nil {
		c.idle.Stop()
		_ = sock.Close()
		return nil, err
	}
	go c.serve()
	return c, nil
}

func (c *Conn) greet() error {
	_, err := c.bw.WriteString(http2.ClientPreface)
	return errors.Join(err,
		c.fr.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: Window},
			http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: maxHeadBytes}),
		c.fr.WriteWindowUpdate(0, connWindow-65535),
		c.bw.Flush())
}

// Reserve takes the place of a stream, which Do gives back. It reports false if there is none.
func (c *Conn) Reserve() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving || c.probing || c.err != nil || len(c.streams)+c.reserved >= c.most {
		return false
	}
	c.reserved++
	c.idle.Stop()
	return true
}

// Usable reports whether the connection takes, or will take, more streams.
func (c *Conn) Usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.leaving && c.err == nil
}

// Leave lets the streams end that there are, and closes the connection behind them.
func (c *Conn) Leave() {
	c.mu.Lock()
	c.leaving = true
	over := c.unused()
	c.mu.Unlock()
	if over {
		c.fail(errLeft)
	}
}

var errLeft = fmt.Errorf("%w: nobody uses it", ErrLost)

func (c *Conn) unused() bool { return len(c.streams)+c.reserved == 0 }

// LeaveUnused ends the connection if nobody uses it, and reports whether.
func (c *Conn) LeaveUnused() bool {
	c.mu.Lock()
	over := c.unused() && c.err == nil
	c.leaving = c.leaving || over
	c.mu.Unlock()
	if over {
		c.fail(errLeft)
	}
	return over
}

// left is called when a stream has ended or a place is given back, with mu. It reports whether the connection is to be closed.
func (c *Conn) left() bool {
	if !c.unused() {
		return false
	}
	if !c.leaving {
		c.idle.Reset(c.o.Idle)
	}
	return c.leaving
}

// fail ends the connection and all its streams.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err, c.leaving = err, true
	all := c.streams
	c.streams = map[uint32]*stream{}
	for _, s := range all {
		s.fail(err)
	}
	c.idle.Stop()
	c.mu.Unlock()
	c.farewell(err)
	_ = c.sock.Close()
	if c.o.Closed != nil {
		c.o.Closed()
	}
}

// farewell tells the endpoint why, unless somebody is writing, who may wait for ever.
func (c *Conn) farewell(err error) {
	if !c.wmu.TryLock() {
		return
	}
	defer c.wmu.Unlock()
	code := http2.ErrCodeNo
	var broken http2.ConnectionError
	if errors.As(err, &broken) {
		code = http2.ErrCode(broken)
	}
	_ = c.fr.WriteGoAway(0, code, nil)
	_ = c.bw.Flush()
}

// write has f write frames, and sends them. An error ends the connection.
func (c *Conn) write(f func() error) error {
	c.wmu.Lock()
	err := f()
	if err == nil {
		err = c.bw.Flush()
	}
	c.wmu.Unlock()
	if err != nil {
		c.fail(fmt.Errorf("%w: %w", ErrLost, err))
		err = c.ended()
	}
	return err
}

// ended is why the connection has ended: a write that fails may come after that.
func (c *Conn) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// suspect asks an endpoint whether it is still there, after a stream has waited in vain and nothing at all has come since
// then. Until it answers, no stream is opened. More pings than this would be too many for some servers.
func (c *Conn) suspect(since uint64) {
	c.mu.Lock()
	ask := c.err == nil && !c.probing && c.heard == since
	c.probing = c.probing || ask
	c.mu.Unlock()
	if !ask {
		return
	}
	go func() { _ = c.write(func() error { return c.fr.WritePing(false, [8]byte{'w', 'a', 'f', 'e', 'r'}) }) }()
	time.AfterFunc(c.o.Probe, func() {
		c.mu.Lock()
		dead := c.probing
		c.mu.Unlock()
		if dead {
			c.fail(ErrSilent)
		}
	})
}
