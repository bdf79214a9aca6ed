package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/admin"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/hold"
	"github.com/wafer-waf/wafer/k8s/endpoints"
	"github.com/wafer-waf/wafer/lastgood"
	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/proxy"
)

func newServe() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the tier",
		Example: `  wafer serve --to http://127.0.0.1:3000
  wafer serve --routes routes.yaml --listen :8080 --admin :9090`,
		Args: serveArgs,
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

// serve runs the tier until SIGTERM, SIGINT, or the end of ctx. It calls listening, if not nil,
// once both listeners accept, with their addresses and where people read.
//
// What is opened is closed in the reverse order, however it ends. Addresses are taken before
// policies are compiled, which takes seconds: that one is in use is known at once, and the admin
// listener tells who asks what the process is waiting for.
func serve(ctx context.Context, boot config.Boot, source *config.Source, listening func(people io.Writer, traffic, admin string)) error {
	began := time.Now()
	var open closers
	defer open.close()
	signals := takeSignals()
	open.add("signals", signals.release)
	registry := metrics.NewRegistry()
	secrets, err := maskingOf(&boot)
	if err != nil {
		return err
	}
	out := newOutputs(&boot, secrets, registry)
	open.log = out.log
	ends := &outlets{all: []outlet{called{out.events, "standard output"}}, log: out.err, tell: out.log}
	open.add("outlets", ends.close)
	events := out.eventLog()
	sinks, err := openSinks(&boot, events, registry, &out.outages, out.log)
	sinks.endBy(ends, boot.Records.Sink)
	if err != nil {
		return err
	}
	records := openRecorder(&boot, sinks, secrets, registry, &out.outages, out.log)
	records.endBy(ends)
	tracer, err := openTracer(&boot, registry, &out.outages, out.log)
	if err != nil {
		return err
	}
	if tracer != nil {
		ends.all = append(ends.all, called{tracer, "traces"})
	}
	files, err := adminFiles(&boot, registry, out.log)
	if err != nil {
		return err
	}
	watches := newWatching(&boot)
	watches.attach(events, out.options.Kinds)
	keeps := newLastGood(&boot, files, registry, out.log)
	p := proxy.Prepare(proxy.Options{
		Remembers: true,
		Boot:      boot, Tracer: tracer, Masking: secrets, Source: source, Log: out.log.With().Str("component", "proxy").Logger(),
		Events: events, Recorder: records.Recorder, Traffic: watches.line,
		Registry: registry, Version: version, Compiling: out.starting(), Services: endpoints.New().Service, LastGood: keeps.forProxy(), Stands: keeps.stands,
	})

	traffic, err := takeAddresses(ctx, &boot, out.log)
	closeTraffic := func() {
		for _, ln := range traffic {
			_ = ln.Close()
		}
	}
	open.add("traffic addresses", closeTraffic) // a no-op when they have served
	if err != nil {
		return err
	}
	addresses := addressesOf(traffic)
	failed := make(chan error, 2)
	asked := adminOptions(&boot, secrets, p, keeps, registry)
	api, peer := apiOf(&boot, files, watches, stateOf(p, keeps, &out.outages), out)
	addAPI(&asked, api, peer)
	adminAddr, stopAdmin, err := startAdmin(ctx, asked, &boot, files, out.log, failed)
	if err != nil {
		return err
	}
	open.add("admin listener", stopAdmin)
	open.add("streams of the admin listener", api.Close)
	open.add("traffic over time", background(ctx, watches.run))
	out.log.Info().Str("listen", addresses).Str("admin", adminAddr).Str("version", version).Msg("starting")

	open.add("peers", background(ctx, keeps.run))

	open.add("store", background(ctx, p.Share))

	if loaded, err := load(ctx, p, signals, failed, out.log); !loaded {
		return err
	}

	ctx, stopReloads := context.WithCancel(ctx)
	open.add("reloads", stopReloads) // and does not wait for one that is compiling
	go p.Run(ctx)
	go reloadOn(ctx, signals.reload, p)
	open.add("traffic", background(ctx, func(context.Context) {
		if err := p.Serve(traffic...); err != nil {
			failed <- err
		}
	}))
	open.add("traffic listeners", closeTraffic) // for a Serve that Shutdown came before
	out.log.Info().Str("listen", addresses).Str("admin", adminAddr).Str("version", version).
		Float64("seconds", time.Since(began).Seconds()).Msg("serving")
	go debug.FreeOSMemory() // what compiling has left behind is half of what the process has
	if listening != nil {
		listening(out.err, addresses, adminAddr)
	}

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	case s := <-signals.end:
		if s == os.Interrupt { // somebody at a terminal: no load balancer has to hear of it first
			p.SkipDrainDelay()
		}
	}
	err = drain(ctx, p, signals, out.log)
	out.log.Info().Err(err).Msg("stopped")
	return err
}

// load has p build its first snapshot, which a signal or the end of ctx cuts short. Without one there
// is nothing to serve: an error says why, nil that nobody wants it any more.
func load(ctx context.Context, p *proxy.Proxy, s *signals, failed <-chan error, log zerolog.Logger) (loaded bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.Load(ctx) }() // nobody waits for it when the process ends
	select {
	case err := <-done:
		return err == nil, err
	case err := <-failed:
		return false, err
	case s := <-s.end:
		log.Info().Stringer("signal", s).Msg("stopped while starting")
	case <-ctx.Done():
	}
	return false, nil
}

// drain ends serving as p.Shutdown does, and at once when there is a second signal.
func drain(ctx context.Context, p *proxy.Proxy, s *signals, log zerolog.Logger) error {
	ctx, interrupt := context.WithCancel(context.WithoutCancel(ctx))
	defer interrupt()
	go func() {
		select {
		case <-s.end:
			log.Warn().Msg("second signal, ending at once")
			interrupt()
		case <-ctx.Done():
		}
	}()
	return p.Shutdown(ctx)
}

// closers undo what was done, the last first.
type closers struct {
	log  zerolog.Logger
	list []closer
}

type closer struct {
	name string
	undo func()
}

func (c *closers) add(name string, undo func()) { c.list = append(c.list, closer{name, undo}) }

func (c *closers) close() {
	for _, one := range slices.Backward(c.list) {
		c.log.Debug().Str("closing", one.name).Msg("closing")
		one.undo()
	}
}

// background runs f until stop, which waits for its end.
func background(ctx context.Context, f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// signals are those that a tier heeds, from before the first load on: a SIGHUP that comes during it
// must not end the process.
type signals struct{ end, reload chan os.Signal }

func takeSignals() *signals {
	s := &signals{end: make(chan os.Signal, 2), reload: make(chan os.Signal, 1)}
	signal.Notify(s.end, syscall.SIGTERM, os.Interrupt)
	signal.Notify(s.reload, syscall.SIGHUP)
	// A log reader that goes away costs lines, which are counted, not the process.
	signal.Ignore(syscall.SIGPIPE)
	return s
}

func (s *signals) release() {
	signal.Stop(s.end)
	signal.Stop(s.reload)
}

func reloadOn(ctx context.Context, hup <-chan os.Signal, p *proxy.Proxy) {
	for {
		select {
		case <-hup:
			_, _ = p.Reload(ctx, "SIGHUP") // logged and counted there
		case <-ctx.Done():
			return
		}
	}
}

// listen takes an address. Connections that come before somebody accepts them wait.
func listen(ctx context.Context, name, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s listener: %w", name, err)
	}
	return ln, nil
}

// takeAddresses takes those of all traffic listeners. With an error it returns those that it has taken.
func takeAddresses(ctx context.Context, boot *config.Boot, log zerolog.Logger) (lns []net.Listener, err error) {
	for _, l := range boot.Served() {
		name := "traffic"
		if len(boot.Listeners) > 0 {
			name += " " + l.Name
		}
		ln, err := listenHeld(ctx, boot.Hold, name, l.Address, log)
		if err != nil {
			return lns, err
		}
		lns = append(lns, ln)
	}
	return lns, nil
}

// listenHeld takes an address, or the socket that a predecessor which was killed had there, if one holds it.
func listenHeld(ctx context.Context, holder, name, address string, log zerolog.Logger) (net.Listener, error) {
	open := func() (net.Listener, error) { return listen(ctx, name, address) }
	if holder == "" {
		return open()
	}
	return hold.Listen(ctx, holder, name+" "+address, open, log.With().Str("component", "hold").Logger())
}

// addressesOf are those that listeners are bound to, in their order.
func addressesOf(lns []net.Listener) string {
	var all []string
	for _, ln := range lns {
		all = append(all, ln.Addr().String())
	}
	return strings.Join(all, ", ")
}

// startAdmin serves the admin listener, if there is to be one, until stop.
func startAdmin(ctx context.Context, o admin.Options, boot *config.Boot, files *admin.Files, log zerolog.Logger, failed chan<- error) (bound string, stop func(), err error) {
	if boot.Admin == "" {
		return "", func() {}, nil
	}
	ln, err := listen(ctx, "admin", boot.Admin)
	if err != nil {
		return "", nil, err
	}
	o.Log = log.With().Str("component", "admin").Logger()
	if boot.AdminTokens != "" {
		if o.Tokens, err = admin.OpenTokens(boot.AdminTokens, func(err error) {
			o.Log.Error().Err(err).Msg("tokens cannot be read, those read last are in force")
		}); err != nil {
			_ = ln.Close()
			at := boot.At("admin_tokens")
			at.What = err.Error()
			return "", nil, at
		}
	}
	ln = secureAdmin(ln, &o, &boot.AdminTLS, files)
	stop = background(ctx, func(ctx context.Context) {
		if err := admin.Serve(ctx, ln, admin.New(o), o.Log); err != nil {
			failed <- fmt.Errorf("admin listener: %w", err)
		}
	})
	return ln.Addr().String(), stop, nil
}

func adminOptions(boot *config.Boot, secrets *mask.Policy, p *proxy.Proxy, keeps *lastGood, registry *metrics.Registry) admin.Options {
	return admin.Options{
		Metrics: registry.ServeHTTP,
		Ready:   p.Ready,
		Notice:  func() string { return p.Standing().String() },
		Reload: func(ctx context.Context) (any, error) {
			if !p.Loaded() {
				return nil, fmt.Errorf("%w: %w", admin.ErrNotYet, p.Ready())
			}
			return p.Reload(ctx, "api")
		},
		Config:    inForce(p, func() any { return p.Effective() }),
		Routes:    inForce(p, func() any { return p.DescribeRoutes() }),
		Upstreams: inForce(p, func() any { return p.DescribeUpstreams() }),
		Store:     storeOf(boot, p),
		Lists:     func(of netip.Addr) any { return inForce(p, func() any { return p.DescribeLists(of) })() },
		Bans:      bansOf(p),
		Standing:  func() any { return keeps.standing(p.Standing()) },
		Bundle:    keeps.bundle(),
		Hosts:     boot.AdminHosts, Profiles: boot.AdminProfiles,
		Closed: closedPaths(boot.AdminClosed), LocalNeedsToken: boot.AdminLocalNeedsToken, Masking: secrets,
		Refused: metrics.NewAdmin(registry, admin.Refusals()),
		Version: version,
	}
}

// storeOf describes the store; nil: there is none.
func storeOf(boot *config.Boot, p *proxy.Proxy) func() any {
	if !boot.Store.On() {
		return nil
	}
	return p.DescribeStore
}

// inForce asks only when there is something in force to ask about.
func inForce(p *proxy.Proxy, describe func() any) func() any {
	return func() any {
		if !p.Loaded() {
			return nil
		}
		return describe()
	}
}

// closedPaths are the endpoints that admin_closed names.
func closedPaths(words []string) (paths []string) {
	for _, word := range words {
		paths = append(paths, map[string]string{"metrics": "/metrics", "standing": lastgood.StandingPath}[word])
	}
	return paths
}
