package remote

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"time"
)

const (
	keepAlive = 90 * time.Second // how long an idle connection stays open
	connect   = 10 * time.Second // how long connecting may take, and the handshake
)

// HTTP asks one receiver by HTTP, on a connection that it keeps. What is sent is one batch after the other: HTTP/2
// would gain nothing, and a connection of it that hangs is harder to leave.
type HTTP struct {
	remote *Remote
	client *http.Client // nil: none was made yet
}

// NewHTTP makes the client of a receiver.
func NewHTTP(r *Remote) *HTTP { return &HTTP{remote: r} }

// Post sends a body with these fields and the receiver's own, and returns what a batch has to know of the answer.
func (h *HTTP) Post(ctx context.Context, url string, body []byte, fields ...Field) ([]byte, error) {
	reconnect, err := h.remote.Refresh()
	if err != nil {
		return nil, err
	}
	if reconnect || h.client == nil {
		h.Close()
		h.client = client(h.remote)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, list := range [][]Field{fields, h.remote.Fields()} {
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
