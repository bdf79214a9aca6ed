package http2

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
	"golang.org/x/net/http2"
)

// most is after how many steps a flood has to be over, far beyond all limits.
const most = 100_000

// A client that floods loses its connection, and others are served meanwhile.
func TestFloods(t *testing.T) {
	for name, tt := range map[string]struct {
		step   func(*raw) error
		reason string
	}{
		"rapid reset": {func(r *raw) error {
			stream, err := r.open(true, get()...)
			if err != nil {
				return err
			}
			return r.WriteRSTStream(stream, http2.ErrCodeCancel)
		}, "http2_resets"},
		"resets that the server is made to send": {func(r *raw) error {
			stream, err := r.open(true, ":method", "POST", ":scheme", "http", ":authority", "a.test", ":path", "/")
			if err != nil {
				return err
			}
			return r.WriteWindowUpdate(stream, 1<<31-1)
		}, "http2_resets"},
		"heads that are none": {func(r *raw) error {
			_, err := r.open(true, get("connection", "close")...)
			return err
		}, "http2_resets"},
		"settings": {func(r *raw) error { return r.WriteSettings() }, "http2_control_frames"},
		"pings":    {func(r *raw) error { return r.WritePing(false, [8]byte{}) }, "http2_control_frames"},
		"windows":  {func(r *raw) error { return r.WriteWindowUpdate(0, 1) }, "http2_control_frames"},
		"priorities": {func(r *raw) error {
			return r.WritePriority(1, http2.PriorityParam{StreamDep: 3})
		}, "http2_control_frames"},
		"unknown frames": {func(r *raw) error { return r.WriteRawFrame(0xbe, 0, 0, nil) }, "http2_control_frames"},
		"empty data": {func(r *raw) error {
			if r.next == 1 {
				if _, err := r.open(false, get()...); err != nil {
					return err
				}
			}
			return r.WriteData(1, false, nil)
		}, "http2_control_frames"},
		"padding": {func(r *raw) error {
			if r.next == 1 {
				if _, err := r.open(false, get()...); err != nil {
					return err
				}
			}
			return r.WriteDataPadded(1, false, nil, make([]byte, 16))
		}, "http2_control_frames"},
		"resets of nothing": {func(r *raw) error {
			if r.next == 1 {
				if _, err := r.open(true, get()...); err != nil {
					return err
				}
			}
			return r.WriteRSTStream(1, http2.ErrCodeCancel)
		}, "http2_control_frames"},
		"continuations": {func(r *raw) error {
			if r.next == 1 {
				r.next = 3
				return r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.encode(get()...)})
			}
			return r.WriteContinuation(1, false, r.encode("a", "b"))
		}, "http2_continuations"},
		"empty continuations": {func(r *raw) error {
			if r.next == 1 {
				r.next = 3
				return r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.encode(get()...)})
			}
			return r.WriteContinuation(1, false, nil)
		}, "http2_continuations"},
		"a head without end": {func(r *raw) error {
			block := r.encode("a", strings.Repeat("\x01", 8000))
			if r.next == 1 {
				r.next = 3
				return r.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block})
			}
			return r.WriteContinuation(1, false, block)
		}, "head_size"},
	} {
		t.Run(name, func(t *testing.T) {
			var working, crowd atomic.Int64
			s := serving(t, patient(), socket.Options{}, func(c listen.Client) {
				for n, before := working.Add(1), crowd.Load(); n > before && !crowd.CompareAndSwap(before, n); {
					before = crowd.Load()
				}
				defer working.Add(-1)
				if c.Request().Method == http.MethodPost { // works until it is reset
					waitFor(t, "a reset", func() bool { return c.Gone(time.Now()) })
				}
				c.Respond(&message.Response{Status: 200})
			})
			client, url := browser(t), "http://"+s.addr+"/"
			clean := func() {
				t.Helper()
				response, err := client.Get(url)
				if err != nil {
					t.Fatal(err)
				}
				if _ = response.Body.Close(); response.StatusCode != http.StatusOK {
					t.Error(response.Status)
				}
			}
			clean()
			r := dial(t, s)
			var o outcome
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				o = r.outcome(0) // also takes what the server says
			}()
			n := 0
			for ; tt.step(r) == nil; n++ {
				if n%1000 == 0 {
					clean()
				}
				if n == most {
					<-ended // for the test's patience: buffers take a lot
				}
				select {
				case <-ended:
				default:
					continue
				}
				break
			}
			<-ended
			if !o.gone || o.goAway != http2.ErrCodeEnhanceYourCalm && o.goAway != http2.ErrCodeNo { // a reset may overtake it
				t.Errorf("%+v", o)
			}
			clean()
			waitFor(t, "a reason", func() bool { return s.reasons() != "" })
			if got := s.reasons(); !hasLast(got, tt.reason) {
				t.Errorf("ended for %q after %d steps", got, n)
			}
			if got := crowd.Load(); got > int64(s.o.Streams)+1 {
				t.Errorf("%d handlers at once", got)
			}
		})
	}
}

// Requests that are answered earn resets: who takes back one of two is a client like others.
func TestResetsAreEarned(t *testing.T) {
	began, taken := make(chan struct{}), make(chan struct{})
	s := serving(t, patient(), socket.Options{}, func(c listen.Client) {
		if c.Request().Method == "POST" {
			began <- struct{}{}
			_, _ = io.Copy(io.Discard, c.Request().Body.Stream) // until it is reset
			taken <- struct{}{}
		}
		c.Respond(&message.Response{Status: 200})
	})
	r := dial(t, s)
	for range 3 * s.o.Resets {
		stream, err := r.open(true, get()...)
		if err != nil {
			t.Fatal(err)
		}
		if o := r.outcome(stream); o.status != 200 {
			t.Fatalf("%+v", o)
		}
		stream, err = r.open(false, ":method", "POST", ":scheme", "http", ":authority", "a.test", ":path", "/")
		if err != nil {
			t.Fatal(err)
		}
		<-began
		if err := r.WriteRSTStream(stream, http2.ErrCodeCancel); err != nil {
			t.Fatal(err)
		}
		<-taken
	}
	if got := s.reasons(); got != "" {
		t.Errorf("refused: %s", got)
	}
}
