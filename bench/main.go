// Command bench measures Wafer next to plain proxies and to other web application firewalls,
// on this machine and its loopback interface. bench/run.sh builds and calls it;
// docs/performance.md says what it measures and how to read the result.
//
//	bench run      what the tier costs: Wafer next to plain proxies
//	bench peers    what inspection costs: Wafer next to other firewalls with the same rules
//	bench secure   what TLS, HTTP/2 and gRPC cost: Wafer next to nginx that speaks them
//	bench flood    what a flood of attacks costs, and what ordinary requests notice; for several binaries in turn
//	bench cost     what an ordinary request costs, for several binaries in turn
//	bench access   what the parts of an access policy cost, in turn
//	bench report   renders raw data as tables, into a document between markers, and plots
//	bench backend  the application behind every proxy
//	bench calls    the service of gRPC behind them
//	bench bare     the proxy that does nothing but forward
//	bench capacity measures what a pod needs and does, and writes docs/capacity.md
//	bench coraza   net/http's proxy with stock Coraza around it
//
// run, peers and secure write raw data, one JSON file for each thing that is measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	if len(args) == 0 {
		return errors.New("say run, peers, secure, flood, cost, access, told, capacity, report, backend, calls, bare or coraza")
	}
	fs := flag.NewFlagSet("bench "+args[0], flag.ContinueOnError)
	switch args[0] {
	case "run", "peers", "secure":
		o := defaultOptions()
		fs.StringVar(&o.wafer, "wafer", "", "the binary to measure")
		fs.StringVar(&o.script, "script", "", "wrk.lua")
		fs.StringVar(&o.out, "out", "", "folder for the raw data")
		fs.IntVar(&o.Seconds, "seconds", o.Seconds, "length of one measurement")
		fs.IntVar(&o.Repetitions, "repetitions", o.Repetitions, "measurements of each figure; the median counts")
		if err := fs.Parse(args[1:]); err != nil {
			return err
		}
		// Only here: the servers shall end at once.
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		// The clock of an open loop sleeps in the kernel and takes a processor with it.
		// There may be two such clocks, and one processor is for the connections.
		runtime.GOMAXPROCS(3)
		return map[string]func(context.Context, options) error{"run": run, "peers": peers, "secure": secure}[args[0]](ctx, o)
	case "flood":
		o := defaultOptions()
		fs.IntVar(&o.Seconds, "seconds", o.Seconds, "length of one measurement")
		rounds := fs.Int("rounds", 3, "how often each binary is measured")
		if err := fs.Parse(args[1:]); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		runtime.GOMAXPROCS(3)
		return flood(ctx, o, fs.Args(), *rounds)
	case "cost":
		o := defaultOptions()
		fs.IntVar(&o.Seconds, "seconds", 1, "length of one measurement")
		rounds := fs.Int("rounds", 7, "how often each binary is measured")
		different := fs.Int("different", variants, "how many different requests of each kind there are")
		if err := fs.Parse(args[1:]); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return compareCost(ctx, o, fs.Args(), *rounds, *different)
	case "access":
		o := defaultOptions()
		fs.IntVar(&o.Seconds, "seconds", 1, "length of one measurement")
		rounds := fs.Int("rounds", 7, "how often each is measured")
		if err := fs.Parse(args[1:]); err != nil {
			return err
		}
		if fs.NArg() != 1 {
			return errors.New("say which binary")
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return compareAccess(ctx, o, fs.Arg(0), *rounds)
	case "told":
		o := defaultOptions()
		fs.IntVar(&o.Seconds, "seconds", 1, "length of one measurement")
		rounds := fs.Int("rounds", 9, "how often each is measured")
		tree := fs.String("tree", ".", "where the product's code is")
		silent := fs.String("silent", "", "the binary that counts nothing; none: one is built")
		if err := fs.Parse(args[1:]); err != nil {
			return err
		}
		if fs.NArg() != 1 {
			return errors.New("say which binary")
		}
		if *silent == "" {
			*silent = fs.Arg(0) + "-silent"
			if err := buildSilent(*tree, *silent); err != nil {
				return err
			}
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return compareTelling(ctx, o, fs.Arg(0), *silent, *rounds)
	case "report":
		results := fs.String("results", "", "folder with the raw data of one run")
		doc := fs.String("doc", "", "document to write the tables into, with plots beside it; none: standard output, plots to the results")
		only := fs.String("only", "", "write this section and no other")
		if err := fs.Parse(args[1:]); err != nil {
			return err
		}
		return report(*results, *doc, *only)
	case "backend", "calls", "bare", "coraza":
		listen := fs.String("listen", "", "address")
		to := fs.String("to", "", "address of the backend (bare, coraza)")
		if err := fs.Parse(args[1:]); err != nil {
			return err
		}
		switch args[0] {
		case "backend":
			return serveBackend(*listen)
		case "calls":
			return serveCalls(*listen)
		case "bare":
			return serveBare(*listen, *to)
		}
		return serveStock(*listen, *to)
	case "capacity":
		o := options{}
		fs.StringVar(&o.wafer, "wafer", "", "the binary to measure; none: only write the document anew")
		fs.StringVar(&o.out, "out", "", "folder for the raw data")
		fs.IntVar(&o.Seconds, "seconds", 3, "length of one measurement")
		fs.IntVar(&o.Repetitions, "repetitions", 3, "measurements of each figure; the median counts")
		doc := fs.String("doc", "", "document to write the tables into, with the plot beside it")
		if err := fs.Parse(args[1:]); err != nil {
			return err
		}
		if o.wafer != "" {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if err := measureCapacity(ctx, o); err != nil {
				return err
			}
		}
		return reportCapacity(o.out, *doc)
	}
	return fmt.Errorf("no such command: %s", args[0])
}
