package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// Bounds of one exchange. There is no write timeout: a CPU profile and a reload take as
// long as they take. Who takes nothing of what is written is another matter: see [takeWithin].
const (
	headTimeout   = 5 * time.Second
	readTimeout   = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	shutdownGrace = 2 * time.Second
	maxHeadBytes  = 16 << 10
)

// Secure has the listener speak TLS.
func Secure(ln net.Listener, f *Files) net.Listener { return tls.NewListener(newCrowd(ln), f.Server()) }

// Plain has the listener speak in clear text.
func Plain(ln net.Listener) net.Listener { return newCrowd(ln) }

// Serve answers on ln until ctx ends, lets exchanges under way finish for up to two
// seconds, and returns nil; any other end is an error. It closes ln. Cancel ctx only after
// the traffic listener is closed, so that readiness can be asked until then.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, logger zerolog.Logger) error {
	return serve(ctx, ln, h, logger, shutdownGrace)
}

// serve is Serve, and lets what is under way go on for so long.
func serve(ctx context.Context, ln net.Listener, h http.Handler, logger zerolog.Logger, patience time.Duration) error {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeadBytes,
		ErrorLog:          stdlog(logger),
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if s.Shutdown(grace) != nil {
			_ = s.Close() // a profile or a reload is under way; its caller sees the end
		}
	})
	err := s.Serve(ln)
	if stop() { // ctx has not ended: Serve gave up by itself
		return err
	}
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// stdlog carries what net/http logs, mostly about broken clients, into the log.
func stdlog(l zerolog.Logger) *log.Logger {
	return log.New(serverLog{l}, "", 0)
}

type serverLog struct{ log zerolog.Logger }

func (s serverLog) Write(p []byte) (int, error) {
	s.log.Debug().Str("error", strings.TrimSpace(string(p))).Msg("admin connection")
	return len(p), nil
}
