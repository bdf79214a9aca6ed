package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/mask"
	"github.com/wafer-waf/wafer/proxy"
	"github.com/wafer-waf/wafer/traffic"
)

// traffics are the files whose requests are tried, and how that is done.
type traffics struct {
	files          []string
	format, client string
	host           string
	config         string // boot file; empty: none
	jobs           int

	progress *counter
}

// flags defines the flags that replay and diff share.
func (t *traffics) flags(c *cobra.Command) {
	names := []string{"auto"}
	for _, f := range traffic.Formats() {
		names = append(names, string(f))
	}
	words(c, "format", "", &t.format, "of all files: records, HAR, raw HTTP requests or tests of go-ftw; auto: known by how a file begins", names...)
	f := c.Flags()
	f.StringVar(&t.client, "client", "192.0.2.1", "address that requests come from of which the file does not say it")
	f.StringVar(&t.host, "host", "", "Host field that all requests get, instead of their own")
	maskingFlag(c, &t.config)
	f.IntVar(&t.jobs, "jobs", runtime.GOMAXPROCS(0), "how many requests are tried at once")
}

// tried is one request of a file and what each tier makes of it, or what there is instead.
type tried struct {
	request *traffic.Request
	problem *traffic.Problem // nil: there is a request
	answers []*proxy.Explanation

	tokens int
	done   chan struct{}
}

// room bounds the requests that are held at once: each takes a token, and one more for every MiB.
const room = 64

// each has the requests of all files tried by all tiers, several at once, and hands them on in their order. Files are
// streams: no more of them is held than there is room for.
func (t *traffics) each(ctx context.Context, tiers []*proxy.Proxy, told func(*tried) error) error {
	address, err := netip.ParseAddr(t.client)
	if err != nil {
		return fmt.Errorf("--client %q is no address: write one such as 203.0.113.9, without a port", t.client)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tokens, work, order := make(chan struct{}, room), make(chan *tried), make(chan *tried, room)
	for range t.jobs {
		go func() {
			for one := range work {
				one.try(tiers, address)
				close(one.done)
			}
		}()
	}
	var failed error
	go func() {
		defer close(order)
		defer close(work)
		failed = t.read(ctx, tokens, work, order)
	}()
	for one := range order {
		<-one.done
		if err := told(one); err != nil {
			return err
		}
		for range one.tokens {
			<-tokens
		}
	}
	return failed
}

// read reads all files, and gives their requests to who tries them and to who is told.
func (t *traffics) read(ctx context.Context, tokens chan<- struct{}, work, order chan<- *tried) error {
	o := traffic.Options{Host: t.host, Progress: t.progress.read}
	if t.format != "auto" {
		o.Format = traffic.Format(t.format)
	}
	for _, name := range t.files {
		file := os.Stdin
		if name != "-" {
			var err error
			if file, err = os.Open(name); err != nil {
				return err
			}
		}
		for r, err := range traffic.Read(name, file, o) {
			one := &tried{request: r, tokens: 1, done: make(chan struct{})}
			if err != nil && !errors.As(err, &one.problem) {
				return errors.Join(err, file.Close())
			}
			if r != nil {
				one.tokens = min(room, 1+len(r.Raw)>>20)
			}
			for range one.tokens {
				select {
				case tokens <- struct{}{}:
				case <-ctx.Done():
					return errors.Join(ctx.Err(), file.Close())
				}
			}
			select {
			case order <- one:
			case <-ctx.Done():
				return errors.Join(ctx.Err(), file.Close())
			}
			work <- one
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}

// try runs the request through the tiers.
func (one *tried) try(tiers []*proxy.Proxy, from netip.Addr) {
	r := one.request
	if r == nil || r.Untried != "" {
		return
	}
	if r.Client.IsValid() {
		from = r.Client
	}
	for _, tier := range tiers {
		one.answers = append(one.answers, tier.Try(r.Raw, netip.AddrPortFrom(from, 40000)))
	}
}

// ready finds the files with requests, and makes the tier of each route file.
func (t *traffics) ready(c *cobra.Command, names []string, routes ...string) (tiers []*proxy.Proxy, err error) {
	size, err := t.find(names)
	if err != nil {
		return nil, err
	}
	t.progress = &counter{progress: newProgress(c.ErrOrStderr()), whole: size}
	secrets, err := maskingIn(t.config)
	if err != nil {
		return nil, err
	}
	for _, file := range routes {
		tier, err := t.trier(file, secrets)
		if err != nil {
			return nil, err
		}
		tiers = append(tiers, tier)
	}
	return tiers, nil
}

// trier is the tier that would serve a route file, for as many requests at once.
func (t *traffics) trier(file string, secrets *mask.Policy) (*proxy.Proxy, error) {
	boot := config.DefaultBoot()
	boot.Limits.Inspections = t.jobs + 1 // one route never gets all places
	return proxy.New(proxy.Options{
		Boot: boot, Source: config.FileSource(file), Log: zerolog.Nop(),
		Events: audit.New(io.Discard, audit.Options{}), Registry: prometheus.NewRegistry(), Version: version,
		Masking: secrets, Compiling: t.progress.progress.compiling,
	})
}

// endings are those of files with requests.
func endings() []string {
	return []string{".har", ".json", ".jsonl", ".ndjson", ".log", ".http", ".txt", ".req", ".raw", ".yaml", ".yml"}
}

// find looks for the files with requests: those that are named, and of folders those with an ending that such files
// have.
func (t *traffics) find(names []string) (size int64, err error) {
	if t.jobs < 1 {
		return 0, fmt.Errorf("--jobs %d: at least one request is tried at once", t.jobs)
	}
	for _, name := range names {
		if name == "-" {
			t.files = append(t.files, name)
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		if !info.IsDir() {
			t.files, size = append(t.files, name), size+info.Size()
			continue
		}
		before := len(t.files)
		err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || !slices.Contains(endings(), strings.ToLower(filepath.Ext(strings.TrimSuffix(path, ".gz")))) {
				return err
			}
			info, err := d.Info()
			if err == nil {
				t.files, size = append(t.files, path), size+info.Size()
			}
			return err
		})
		if err != nil {
			return 0, err
		}
		if len(t.files) == before {
			return 0, fmt.Errorf("%s: no file with requests in it: their names end in %s", name, strings.Join(endings(), ", "))
		}
	}
	return size, nil
}

// counter tells on a terminal how far a long reading is.
type counter struct {
	progress
	whole int64
	bytes atomic.Int64
	shown time.Time
	begun time.Time
	dirty bool
}

func (c *counter) read(n int) { c.bytes.Add(int64(n)) }

// passed tells how many requests there have been.
func (c *counter) passed(requests int) {
	now := time.Now()
	if c.w == io.Discard || now.Sub(c.shown) < time.Second/5 {
		return
	}
	if c.begun.IsZero() {
		c.begun = now
	}
	c.shown, c.dirty = now, true
	share := ""
	if c.whole > 0 {
		share = fmt.Sprintf(", %d %%", min(100, 100*c.bytes.Load()/c.whole))
	}
	rate := ""
	if took := now.Sub(c.begun); took > time.Second {
		rate = fmt.Sprintf(", %.0f/s", float64(requests)/took.Seconds())
	}
	fmt.Fprintf(c.w, "\r\x1b[K%d requests%s%s …", requests, share, rate)
}

// clear takes the line away, if there is one, before another one is written.
func (c *counter) clear() {
	if c.dirty {
		c.done()
		c.dirty = false
	}
}
