package collector

import (
	"bytes"
	"context"

	"github.com/klauspost/compress/gzip"
	"github.com/wafer-waf/wafer/delivery/remote"
)

// keepBytes bounds the buffer that is kept for the next request.
const keepBytes = 1 << 20

// byHTTP posts requests.
type byHTTP struct {
	url    string
	http   *remote.HTTP
	fields []remote.Field
	body   bytes.Buffer
	gzip   *gzip.Writer // nil: bodies are not compressed
}

func newHTTP(o Options) *byHTTP {
	h := &byHTTP{url: o.URL, http: remote.NewHTTP(o.Remote)}
	h.fields = []remote.Field{{Name: "Content-Type", Value: "application/x-protobuf"}, {Name: "User-Agent", Value: "wafer"}}
	if !o.Plain {
		h.fields = append(h.fields, remote.Field{Name: "Content-Encoding", Value: "gzip"})
		h.gzip, _ = gzip.NewWriterLevel(&h.body, gzip.BestSpeed) // the level exists
	}
	return h
}

func (h *byHTTP) export(ctx context.Context, request []byte) ([]byte, error) {
	if h.gzip != nil {
		if h.body.Cap() > keepBytes {
			h.body = bytes.Buffer{}
		}
		h.body.Reset()
		h.gzip.Reset(&h.body)
		_, _ = h.gzip.Write(request) // a buffer takes everything
		_ = h.gzip.Close()
		request = h.body.Bytes()
	}
	return h.http.Post(ctx, h.url, request, h.fields...)
}

func (h *byHTTP) close() { h.http.Close() }
