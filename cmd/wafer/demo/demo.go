package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// shutdownTimeout is how long Close waits for answers that are being written.
const shutdownTimeout = 2 * time.Second

// Backends are the running demo applications.
type Backends struct {
	Shop   string // address of the shop, host:port
	Legacy string // address of the guestbook, host:port

	servers []*http.Server
	serving sync.WaitGroup
}

// Start is StartAt on free loopback ports.
func Start(ctx context.Context) (*Backends, error) {
	return StartAt(ctx, "127.0.0.1:0", "127.0.0.1:0")
}

// StartAt runs both backends on addresses host:port until the context ends or Close is called,
// whichever comes first. They accept connections when it returns.
func StartAt(ctx context.Context, shop, legacy string) (*Backends, error) {
	b := &Backends{}
	var err error
	if b.Shop, err = b.serve(ctx, shop, newShop()); err != nil {
		return nil, fmt.Errorf("start demo shop: %w", err)
	}
	if b.Legacy, err = b.serve(ctx, legacy, newLegacy()); err != nil {
		return nil, errors.Join(fmt.Errorf("start demo guestbook: %w", err), b.Close())
	}
	context.AfterFunc(ctx, func() { _ = b.Close() }) // its owner may call Close for the error
	return b, nil
}

// Close stops both backends, waiting a moment for answers that are being written. It may be
// called more than once.
func (b *Backends) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	var errs []error
	for _, s := range b.servers {
		if err := s.Shutdown(ctx); err != nil {
			errs = append(errs, err, s.Close())
		}
	}
	b.serving.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop demo backends: %w", err)
	}
	return nil
}

// Wait returns when neither backend accepts connections any more.
func (b *Backends) Wait() { b.serving.Wait() }

// serve starts one backend and returns its address.
func (b *Backends) serve(ctx context.Context, addr string, h http.Handler) (string, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,            // longer than a proxy keeps its idle connections
		ErrorLog:          log.New(io.Discard, "", 0), // the demo's terminal belongs to the proxy
	}
	b.servers = append(b.servers, s)
	b.serving.Go(func() {
		// Serve ends with ErrServerClosed after Shutdown. Any other error shows as a refused
		// connection, which is what the proxy in front is there to report.
		_ = s.Serve(ln)
	})
	return ln.Addr().String(), nil
}
