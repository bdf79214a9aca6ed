package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/admin"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/proxy"
	"golang.org/x/term"
)

func newServe() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the tier",
		Example: `  wafer serve --to http://127.0.0.1:3000
  wafer serve --routes routes.yaml --listen :8080 --admin :9090`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			boot, err := config.LoadBoot(c.Flags(), os.Environ())
			if err != nil {
				return err
			}
			source, err := sourceOf(boot)
			if err != nil {
				return err
			}
			return serve(c.Context(), boot, source, nil)
		},
	}
	config.BootFlags(c.Flags())
	return c
}

// sourceOf says where the routes come from.
func sourceOf(boot config.Boot) (*config.Source, error) {
	switch {
	case boot.To != "":
		routes, err := config.FromTo(boot.To)
		if err != nil {
			return nil, err
		}
		return config.FixedSource(routes), nil
	case boot.Routes != "":
		return config.FileSource(boot.Routes), nil
	default:
		return nil, errors.New("nothing to serve: give a route file with --routes FILE, one backend with --to http://host:port, or try wafer demo")
	}
}

// eventsFlush is how long the last events may take to be written at the end.
const eventsFlush = 2 * time.Second

// serve runs the tier until SIGTERM, SIGINT, or the end of ctx. It calls listening, if
// not nil, with the addresses once both listeners accept.
func serve(ctx context.Context, boot config.Boot, source *config.Source, listening func(traffic, admin string)) error {
	// Before the first load: a SIGHUP that comes during it must not end the process.
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	end := make(chan os.Signal, 2)
	signal.Notify(end, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(end)

	// A log reader that goes away costs events, which are counted, not the process.
	signal.Ignore(syscall.SIGPIPE)

	console := useConsole(boot.Log.Format)
	log := newLogger(os.Stderr, boot.Log.Level, console)
	registry := prometheus.NewRegistry()
	var p *proxy.Proxy
	out := audit.NewWriter(os.Stdout, audit.WriterOptions{
		Dropped: func(n int) { p.EventsDropped(n) }, // there are no events before there is a proxy
		Failed:  func(err error) { log.Error().Err(err).Msg("writing events") },
	})
	defer out.Close(eventsFlush)

	began := time.Now()
	p, err := proxy.New(proxy.Options{
		Boot: boot, Source: source, Log: log.With().Str("component", "proxy").Logger(),
		Events:   audit.New(out, audit.Options{Console: console}),
		Registry: registry, Version: version,
	})
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", boot.Listen)
	if err != nil {
		return fmt.Errorf("traffic listener: %w", err)
	}
	defer ln.Close()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 2)
	adminDone := make(chan struct{})
	adminAddr := ""
	if boot.Admin == "" {
		close(adminDone)
	} else {
		adminLn, err := lc.Listen(ctx, "tcp", boot.Admin)
		if err != nil {
			return fmt.Errorf("admin listener: %w", err)
		}
		adminAddr = adminLn.Addr().String()
		go func() {
			defer close(adminDone)
			adminLog := log.With().Str("component", "admin").Logger()
			if err := admin.Serve(ctx, adminLn, newAdmin(p, registry, adminLog), adminLog); err != nil {
				failed <- fmt.Errorf("admin listener: %w", err)
			}
		}()
	}
	go p.Run(ctx)
	go func() {
		for {
			select {
			case <-hup:
				_, _ = p.Reload(ctx, "SIGHUP") // logged and counted there
			case <-ctx.Done():
				return
			}
		}
	}()
	serving := make(chan struct{})
	go func() {
		defer close(serving)
		if err := p.Serve(ln); err != nil {
			failed <- err
		}
	}()
	log.Info().Str("listen", ln.Addr().String()).Str("admin", adminAddr).Str("version", version).
		Float64("seconds", time.Since(began).Seconds()).Msg("serving")
	if listening != nil {
		listening(ln.Addr().String(), adminAddr)
	}

	drain, interrupt := context.WithCancel(context.WithoutCancel(ctx))
	defer interrupt()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	case s := <-end:
		if s == os.Interrupt { // somebody at a terminal: no load balancer has to hear of it first
			p.SkipDrainDelay()
		}
	}
	go func() {
		<-end
		log.Warn().Msg("second signal, ending at once")
		interrupt()
	}()
	err = p.Shutdown(drain)
	_ = ln.Close() // for a Serve that has not begun, which Shutdown could not end
	<-serving
	cancel()
	<-adminDone
	log.Info().Err(err).Msg("stopped")
	return err
}

func newAdmin(p *proxy.Proxy, registry *prometheus.Registry, log zerolog.Logger) http.Handler {
	return admin.New(admin.Options{
		Gatherer: registry,
		Ready:    p.Ready,
		Reload: func(ctx context.Context) (any, error) {
			return p.Reload(ctx, "api")
		},
		Config:  func() any { return p.Describe() },
		Routes:  func() any { return p.DescribeRoutes() },
		Version: version,
		Log:     log,
	})
}

// useConsole decides for people or for programs.
func useConsole(format string) bool {
	if format == "auto" {
		return term.IsTerminal(int(os.Stdout.Fd()))
	}
	return format == "console"
}

func newLogger(w io.Writer, level string, console bool) zerolog.Logger {
	l, err := zerolog.ParseLevel(level)
	if err != nil {
		l = zerolog.InfoLevel // config has checked the word
	}
	if console {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly}
	}
	return zerolog.New(zerolog.SyncWriter(w)).Level(l).With().Timestamp().Logger()
}
