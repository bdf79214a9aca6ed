package collector

import (
	"context"
	"io"

	"github.com/wafer-waf/wafer/delivery/remote"
)

// byHTTP posts requests.
type byHTTP struct{ http *remote.HTTP }

func newHTTP(o Options) byHTTP {
	return byHTTP{remote.NewHTTP(o.Remote, o.URL, "application/x-protobuf", o.Plain)}
}

func (h byHTTP) export(ctx context.Context, request []byte) ([]byte, error) {
	err := h.http.Make(func(body io.Writer) error {
		_, err := body.Write(request)
		return err
	})
	if err != nil {
		return nil, err
	}
	return h.http.Post(ctx)
}

func (h byHTTP) close() { h.http.Close() }
