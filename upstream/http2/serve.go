package http2

import (
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/net/http2"
)

// serve reads frames until the connection ends.
func (c *Conn) serve() {
	for {
		f, err := c.fr.ReadFrame()
		if err == nil {
			err = c.take(f)
		}
		var broken http2.StreamError
		var connection http2.ConnectionError
		switch {
		case err == nil:
			continue
		case errors.As(err, &broken):
			if err = c.refuse(broken.StreamID, broken.Code, Malformed("field")); err == nil {
				continue
			}
		case !c.settled && (errors.As(err, &connection) || errors.Is(err, http2.ErrFrameTooLarge)):
			err = ErrForeign
		case errors.Is(err, http2.ErrFrameTooLarge):
			err = fmt.Errorf("%w: %w", Malformed("frame too large"), http2.ConnectionError(http2.ErrCodeFrameSize))
		case errors.As(err, &connection):
			err = fmt.Errorf("%w: %w", Malformed("connection"), err)
		default:
			err = fmt.Errorf("%w: %w", ErrLost, err)
		}
		c.fail(err)
		return
	}
}

// take does what a frame says. An error is one of the connection.
func (c *Conn) take(f http2.Frame) error {
	c.mu.Lock()
	c.heard++
	c.mu.Unlock()
	first := !c.settled
	if first {
		if s, ok := f.(*http2.SettingsFrame); !ok || s.IsAck() {
			return http2.ConnectionError(http2.ErrCodeProtocol)
		}
		c.settled = true
	}
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		return c.takeHead(f)
	case *http2.DataFrame:
		return c.takeData(f)
	case *http2.RSTStreamFrame:
		return c.takeReset(f)
	case *http2.WindowUpdateFrame:
		return c.takeWindow(f)
	case *http2.GoAwayFrame:
		c.takeGoAway(f)
		return nil
	case *http2.PushPromiseFrame:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	if !c.bearable() {
		return http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return nil
		}
		return c.takeSettings(f, first)
	case *http2.PingFrame:
		if !f.IsAck() {
			return c.write(func() error { return c.fr.WritePing(true, f.Data) })
		}
		c.mu.Lock()
		c.probing = false
		c.mu.Unlock()
	}
	return nil
}

// bearable counts frames that move nothing on.
func (c *Conn) bearable() bool {
	if now := time.Now(); now.Sub(c.since) > time.Minute {
		c.since, c.chatter = now, 0
	}
	c.chatter++
	return c.chatter <= mostChatter
}

func (c *Conn) takeSettings(f *http2.SettingsFrame, first bool) error {
	table := -1
	c.mu.Lock()
	if first {
		c.most = mostStreams // unless it says less
	}
	err := f.ForeachSetting(func(s http2.Setting) error {
		if err := s.Valid(); err != nil {
			return err
		}
		switch s.ID {
		case http2.SettingMaxConcurrentStreams:
			c.most = int(min(s.Val, mostStreams))
		case http2.SettingInitialWindowSize:
			return c.reopen(int64(s.Val))
		case http2.SettingMaxFrameSize:
			c.frame = int(min(s.Val, maxFrame))
		case http2.SettingHeaderTableSize:
			table = int(min(s.Val, tableBytes))
		case http2.SettingEnablePush:
			if s.Val != 0 {
				return http2.ConnectionError(http2.ErrCodeProtocol)
			}
		}
		return nil
	})
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.write(func() error {
		if table >= 0 {
			c.enc.SetMaxDynamicTableSize(uint32(table))
		}
		return c.fr.WriteSettingsAck()
	})
}

// reopen changes what new streams may send, and those that there are.
func (c *Conn) reopen(initial int64) error {
	delta := initial - c.initial
	c.initial = initial
	for _, s := range c.streams {
		if s.window += delta; s.window > math.MaxInt32 {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		s.wake()
	}
	return nil
}

func (c *Conn) takeWindow(f *http2.WindowUpdateFrame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.StreamID == 0 {
		if c.window += int64(f.Increment); c.window > math.MaxInt32 {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		for _, s := range c.streams {
			s.wake()
		}
		return nil
	}
	s, err := c.stream(f.StreamID)
	if s == nil {
		return err
	}
	if s.window += int64(f.Increment); s.window > math.MaxInt32 {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeFlowControl}
	}
	s.wake()
	return nil
}

// stream returns the stream of a frame, with mu; nil: it has ended. That it was never opened is an error.
func (c *Conn) stream(id uint32) (*stream, error) {
	if id%2 == 0 || id >= c.next {
		return nil, http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return c.streams[id], nil
}

func (c *Conn) takeReset(f *http2.RSTStreamFrame) error {
	c.mu.Lock()
	s, err := c.stream(f.StreamID)
	if s == nil {
		c.mu.Unlock()
		if err == nil && !c.bearable() {
			err = http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
		}
		return err
	}
	switch {
	case f.ErrCode == http2.ErrCodeRefusedStream && !s.heard:
		s.fail(ErrUnprocessed)
	default:
		s.fail(&Reset{f.ErrCode})
	}
	over := c.forget(s)
	c.mu.Unlock()
	if over {
		c.fail(errLeft)
	}
	return nil
}

// forget takes a stream that has ended from the list, with mu. It reports whether the connection is to be closed.
func (c *Conn) forget(s *stream) bool {
	if c.streams[s.id] != s {
		return false
	}
	delete(c.streams, s.id)
	return c.left()
}

func (c *Conn) takeGoAway(f *http2.GoAwayFrame) {
	c.mu.Lock()
	c.leaving = true
	for id, s := range c.streams {
		if id > f.LastStreamID {
			if s.heard { // what it has begun to answer it has seen, whatever it says
				s.fail(&Reset{f.ErrCode})
			} else {
				s.fail(ErrUnprocessed)
			}
			delete(c.streams, id)
		}
	}
	over := c.unused()
	c.mu.Unlock()
	if over {
		c.fail(errLeft)
	}
}

// refuse ends a stream whose endpoint breaks the protocol.
func (c *Conn) refuse(id uint32, code http2.ErrCode, why error) error {
	c.mu.Lock()
	s, err := c.stream(id)
	over := false
	if s != nil {
		s.fail(why)
		over = c.forget(s)
	}
	c.mu.Unlock()
	if err == nil && s != nil {
		err = c.write(func() error { return c.fr.WriteRSTStream(id, code) })
	}
	if err == nil && over {
		err = errLeft
	}
	return err
}

func (c *Conn) takeHead(f *http2.MetaHeadersFrame) error {
	c.mu.Lock()
	s, err := c.stream(f.StreamID)
	if s == nil {
		c.mu.Unlock()
		if err == nil && !c.bearable() {
			err = http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
		}
		return err
	}
	wrong := s.takeHead(f)
	over := wrong == "" && s.over() && c.forget(s)
	c.mu.Unlock()
	if wrong != "" {
		return c.refuse(f.StreamID, http2.ErrCodeProtocol, wrong)
	}
	if over {
		return errLeft
	}
	return nil
}

func (c *Conn) takeData(f *http2.DataFrame) error {
	size := int(f.Length)
	c.mu.Lock()
	s, err := c.stream(f.StreamID)
	if err != nil {
		c.mu.Unlock()
		return err
	}
	if c.taken += size; c.taken > connWindow {
		c.mu.Unlock()
		return http2.ConnectionError(http2.ErrCodeFlowControl)
	}
	back := 0
	if c.taken >= connWindow/2 {
		back, c.taken = c.taken, 0
	}
	var wrong Malformed
	ended, over := false, false
	if s != nil {
		wrong = s.takeData(f, size)
		ended = f.StreamEnded()
		over = wrong == "" && s.over() && c.forget(s)
	}
	c.mu.Unlock()
	if back > 0 {
		err = c.write(func() error { return c.fr.WriteWindowUpdate(0, uint32(back)) })
	}
	switch {
	case err != nil:
		return err
	case wrong != "":
		return c.refuse(f.StreamID, http2.ErrCodeProtocol, wrong)
	case over:
		return errLeft
	case (s == nil || len(f.Data()) == 0 && !ended) && !c.bearable():
		return http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
	}
	return nil
}
