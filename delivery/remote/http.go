package remote

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	keepAlive = 90 * time.Second // how long an idle connection stays open
	connect   = 10 * time.Second // how long connecting may take, and the handshake
	keepBytes = 1 << 20          // of the buffer that is kept for the next body
)

// HTTP asks one receiver by HTTP, on a connection that it keeps. What is sent is one batch after the other: HTTP/2
// would gain nothing, and a connection of it that hangs is harder to leave.
type HTTP struct {
	remote *Remote
	url    string
	fields []Field      // of every request
	client *http.Client // nil: none was made yet
	body   bytes.Buffer
	gzip   *gzip.Writer // nil: bodies are not compressed

	reading atomic.Int64 // readers of a body that the transport has not closed
}

// reader is how the transport reads a body. It may do so for a while when it has an answer already, or was told to give up.
type reader struct {
	bytes.Reader
	reading *atomic.Int64
	closed  atomic.Bool
}

func (h *HTTP) reader() *reader {
	h.reading.Add(1)
	r := &reader{reading: &h.reading}
	r.Reset(h.body.Bytes())
	return r
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if r.closed.CompareAndSwap(false, true) {
		r.reading.Add(-1)
	}
	return nil
}

// NewHTTP makes the client of a receiver at a URL, for bodies of a media type, which are compressed unless they are to be
// plain.
func NewHTTP(r *Remote, url, kind string, plain bool) *HTTP {
	h := &HTTP{remote: r, url: url, fields: []Field{{"Content-Type", kind}, {"User-Agent", "wafer"}}}
	if !plain {
		h.fields = append(h.fields, Field{"Content-Encoding", "gzip"})
		h.gzip, _ = gzip.NewWriterLevel(&h.body, gzip.BestSpeed) // the level exists
	}
	return h
}

// Make makes the body that is posted from now on.
func (h *HTTP) Make(write func(io.Writer) error) error {
	if h.body.Cap() > keepBytes || h.reading.Load() > 0 {
		h.body = bytes.Buffer{}
	}
	h.body.Reset()
	if h.gzip == nil {
		return write(&h.body)
	}
	h.gzip.Reset(&h.body)
	if err := write(h.gzip); err != nil {
		return err
	}
	return h.gzip.Close()
}

// Post sends the body with these fields and the receiver's own, and returns what a batch has to know of the answer.
func (h *HTTP) Post(ctx context.Context, fields ...Field) ([]byte, error) {
	reconnect, err := h.remote.Refresh()
	if err != nil {
		return nil, err
	}
	if reconnect || h.client == nil {
		h.Close()
		h.client = client(h.remote)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.GetBody = func() (io.ReadCloser, error) { return h.reader(), nil }
	r.Body, r.ContentLength = h.reader(), int64(h.body.Len())
	for _, list := range [][]Field{h.fields, fields, h.remote.Fields()} {
		for _, f := range list {
			r.Header.Set(f.Name, f.Value)
		}
	}
	answer, err := h.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return Answered(answer)
}

func client(r *Remote) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: r.Config(),
			DialContext: (&net.Dialer{Timeout: connect}).DialContext, TLSHandshakeTimeout: connect,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: keepAlive, MaxResponseHeaderBytes: answerBytes,
		},
		// Whoever is redirected would carry credentials and events to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Close ends the connection.
func (h *HTTP) Close() {
	if h.client != nil {
		h.client.CloseIdleConnections()
	}
}
