package proxy

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/trace"
	"github.com/wafer-waf/wafer/waf"
	"github.com/wafer-waf/wafer/wire"
)

// messages inspects what a client says on a WebSocket. A text message is held back until
// its last frame is there, shown to the rules as the body of a request with the head of
// the handshake, and goes on as the bytes that came, or not at all. Binary messages and
// what the application says pass as they are; but both directions have to keep to the
// framing, without extensions, so that the application reads the messages that the rules
// have read.
type messages struct {
	proxy      *Proxy
	snapshot   *snapshot.Snapshot[*route]
	route      *route
	id         string
	view       view           // of the handshake
	traced     *trace.Request // nil: it is not
	place      place
	standing   listen.Standing
	inspection inspect.Inspection
	request    waf.Request // of every message, without its body
	client     listen.Tunnel
	turn       chan struct{} // held while a frame is written to the client
	ended      bool          // no frame may follow; guarded by turn
	charged    int64         // what a message that is being received holds of the memory for uploads
}

// Why a WebSocket is closed (RFC 6455 7.4.1).
const (
	closeProtocol = 1002
	closeInvalid  = 1007
	closePolicy   = 1008
	closeTooBig   = 1009
	closeInternal = 1011
	closeBusy     = 1013
)

// inspectMessages prepares the inspection of what follows the handshake. Its snapshot has
// to be released at the end.
func (x *exchange) inspectMessages() *messages {
	if !x.snapshot.Acquire() {
		panic("BUG: a request without its snapshot")
	}
	v := x.view
	v.hops, v.Fields = nil, slices.Clone(v.Fields) // theirs is scratch
	m := &messages{
		proxy: x.proxy, snapshot: x.snapshot, route: x.route, id: x.id, view: v, traced: x.traced, place: x.place,
		request: v.request(), turn: make(chan struct{}, 1),
	}
	m.request.Method = "POST" // a body of GET would be suspect
	m.request.Headers = slices.DeleteFunc(slices.Clone(m.request.Headers), func(h waf.Header) bool {
		return perConnection.has(h.Name) || strings.HasPrefix(strings.ToLower(h.Name), "sec-websocket-")
	})
	return m
}

// upward relays the client's frames.
func (m *messages) upward(to io.Writer, from io.Reader) {
	r, w := bufio.NewReader(from), bufio.NewWriter(to)
	frames := wire.NewFrames(r, true)
	limit := int64(m.route.Inspect.RequestLimit)
	var held, text bytes.Buffer // a message as it came, and what it says
	defer m.release()
	for {
		f, err := frames.Next()
		switch {
		case errors.Is(err, wire.ErrFrame):
			m.end(to, closeProtocol)
			return
		case err != nil:
			return
		case f.Opcode != wire.FrameText:
			if relayFrame(w, r, &f) != nil {
				return
			}
			continue
		case f.Length > limit-int64(text.Len()), f.Length > 2*limit-int64(held.Len()): // the latter: frames without a payload
			m.end(to, closeTooBig)
			return
		}
		held.Write(f.Head())
		at := held.Len()
		if ok, err := m.receive(&held, r, f.Length); err != nil {
			return
		} else if !ok {
			m.end(to, closeBusy)
			return
		}
		said := text.Len()
		text.Write(held.Bytes()[at:])
		f.Unmask(text.Bytes()[said:])
		if !f.Final {
			continue
		}
		if code := m.judge(text.Bytes()); code != 0 {
			m.end(to, code)
			return
		}
		if _, err := to.Write(held.Bytes()); err != nil {
			return
		}
		held.Reset()
		text.Reset()
		m.release()
		if held.Cap() > firstBuffer { // one large message must not occupy memory for ever
			held, text = bytes.Buffer{}, bytes.Buffer{}
		}
	}
}

const (
	// messagePiece is how much of a message is received before it is asked for more memory.
	messagePiece = 16 << 10
	// messageCost is what a message takes until it is passed on, as a multiple of its length: as it came
	// and as it reads, in buffers that grow.
	messageCost = 4
)

// receive appends n bytes of a message. It reports false if there is no memory for them.
func (m *messages) receive(held *bytes.Buffer, r io.Reader, n int64) (ok bool, err error) {
	for n > 0 {
		piece := min(n, messagePiece)
		cost := piece * messageCost
		if !m.proxy.memory.uploads.claim(cost, (int64(held.Len())+piece)*messageCost, nil) {
			return false, nil
		}
		m.charged += cost
		if _, err := io.CopyN(held, r, piece); err != nil {
			return true, err
		}
		n -= piece
	}
	return true, nil
}

// release gives back what a message held.
func (m *messages) release() {
	m.proxy.memory.uploads.free(m.charged)
	m.charged = 0
}

// downward relays the application's frames, each as a whole, so that there is always a
// place between two of them where the connection can be closed in form.
func (m *messages) downward(to io.Writer, from io.Reader) {
	r, w := bufio.NewReader(from), bufio.NewWriter(to)
	frames := wire.NewFrames(r, false)
	for {
		f, err := frames.Next()
		if err != nil {
			return
		}
		m.turn <- struct{}{}
		ended := m.ended
		if !ended {
			err = relayFrame(w, r, &f)
		}
		<-m.turn
		if ended || err != nil {
			return
		}
	}
}

func relayFrame(w *bufio.Writer, r io.Reader, f *wire.Frame) error {
	if _, err := w.Write(f.Head()); err != nil {
		return err
	}
	if _, err := io.CopyN(w, r, f.Length); err != nil {
		return err
	}
	return w.Flush()
}

// farewell is how long closing in form may take.
const farewell = time.Second

// end tells both sides why the connection ends, the client first: the application may end
// it at once. The tunnel closes it then.
func (m *messages) end(up io.Writer, code uint16) {
	frame := []byte{0x80 | wire.FrameClose, 2}
	frame = binary.BigEndian.AppendUint16(frame, code)
	m.client.Linger()
	select {
	case m.turn <- struct{}{}:
		m.ended = true
		_ = m.client.SetWriteDeadline(time.Now().Add(farewell))
		_, _ = m.client.Write(frame) // who does not take it is closed as well
		<-m.turn
	case <-time.After(farewell): // the application is in the middle of a frame
	}

	masked := []byte{frame[0], 0x80 | frame[1], 0, 0, 0, 0, frame[2], frame[3]}
	key := masked[2:6]
	_, _ = rand.Read(key) // never fails
	masked[6] ^= key[0]
	masked[7] ^= key[1]
	_, _ = up.Write(masked)
}

// judge has a message inspected. It returns why the connection has to end, 0 if the message may pass.
func (m *messages) judge(text []byte) (code uint16) {
	if !utf8.Valid(text) {
		return m.refuse(closeInvalid) // RFC 6455 8.1
	}
	mediaType, body := asBody(text)
	if len(body) > m.route.Inspect.RequestLimit {
		return m.refuse(closeTooBig)
	}
	began := time.Now()
	o := m.inspect(mediaType, body)
	if o.Err != nil {
		m.proxy.engineFailed(o.Err, m.id, m.route)
	}
	switch o.Verdict {
	case inspect.Refused:
		if code = closeBusy; o.Failure == inspect.ClientGone {
			code = closeInternal
		}
	case inspect.ErrorDeny:
		code = closeInternal
	case inspect.Block, inspect.Redirect, inspect.Drop:
		o.Verdict, code = inspect.Block, closePolicy
	default:
		m.standing.Client = m.place.who.client
	}
	m.account(began, &o, text)
	return code
}

// refuse ends a connection for a message that is not inspected at all.
func (m *messages) refuse(code uint16) uint16 {
	m.route.Metrics.Message(inspect.Refused)
	return code
}

// inspect takes a message through the policy, as the body of a request.
func (m *messages) inspect(mediaType string, body []byte) inspect.Outcome {
	m.place.who = m.proxy.who(m.view.client, m.standing)
	m.inspection.Begin(&m.proxy.inspector, &m.route.Inspect, inspect.Terms{
		ID: m.id, Gate: &m.place, Gone: func() bool { return m.client.Gone(m.inspection.Since()) },
	})
	if o := m.inspection.RequestHead(m.with(mediaType, body)); o.Stops() {
		return o
	}
	return m.inspection.RequestBody(inspect.Body{Bytes: body, Ended: true})
}

// account ends a message's inspection, reports and counts.
func (m *messages) account(began time.Time, o *inspect.Outcome, text []byte) {
	report := m.inspection.End()
	if report.Err != nil {
		m.proxy.log.Error().Err(report.Err).Str("request_id", m.id).Msg("engine failed after the verdict")
	}
	m.proxy.reportFindings(&subject{began, m.id, m.snapshot, m.route, &m.view, m.traced}, o, &report.Findings, http.StatusSwitchingProtocols)
	m.record(began, o, &report.Findings, text)
	m.route.Metrics.Inspected(report)
	m.route.Metrics.Message(o.Verdict)
}

// with is the request that a message is shown as.
func (m *messages) with(mediaType string, body []byte) *waf.Request {
	request := m.request
	request.Headers = append(slices.Clip(request.Headers),
		waf.Header{Name: "Content-Type", Value: mediaType}, waf.Header{Name: "Content-Length", Value: strconv.Itoa(len(body))})
	return &request
}

// asBody makes of a message a body that the rules know how to read: JSON, or else a form
// with one field, "message".
func asBody(text []byte) (mediaType string, body []byte) {
	if t := bytes.TrimLeft(text, " \t\r\n"); len(t) > 0 && (t[0] == '{' || t[0] == '[') && json.Valid(text) {
		return "application/json", text
	}
	return "application/x-www-form-urlencoded", []byte("message=" + url.QueryEscape(string(text)))
}
