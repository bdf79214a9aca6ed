package main

import (
	"context"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/admin"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/k8s/notify"
	"github.com/wafer-waf/wafer/lastgood"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/snapshot"
)

// lastGood joins what keeps the last good configuration with the tier and its admin listener.
type lastGood struct {
	store *lastgood.Store  // nil: nothing is kept
	peers *lastgood.Peers  // nil: there are none
	news  *notify.Notifier // nil: Kubernetes is told nothing
	log   zerolog.Logger

	metrics  *metrics.Peers
	disagree atomic.Pointer[lastgood.Comparison] // as last told; nil: they agree
}

func newLastGood(boot *config.Boot, files *admin.Files, registry prometheus.Registerer, log zerolog.Logger) *lastGood {
	l := &lastGood{log: log.With().Str("component", "last good").Logger()}
	if boot.KubernetesEvents {
		var err error
		if l.news, err = notify.New(os.Getenv, l.log); err != nil {
			l.log.Error().Err(err).Msg("kubernetes_events: Kubernetes is told nothing")
		}
	}
	if !boot.LastGood.On() {
		return l
	}
	if len(boot.LastGood.Peers) > 0 {
		l.peers = lastgood.NewPeers(askingPeers(boot, files, boot.LastGood.Peers))
		l.metrics = metrics.NewPeers(registry)
	}
	l.store = lastgood.New(boot.LastGood.Dir, l.peers, l.log)
	return l
}

// forProxy is the store as the tier wants it: nil, if there is none.
func (l *lastGood) forProxy() snapshot.LastGood {
	if l.store == nil {
		return nil
	}
	return l.store
}

// stands hears of each reload, and tells Kubernetes what has come of it.
func (l *lastGood) stands(s snapshot.Standing) {
	if l.news == nil {
		return
	}
	n := notify.News{Message: s.String()}
	switch {
	case len(s.Problems) == 0:
		n.Good, n.Reason, n.Message = true, "ConfigurationInForce", "configuration "+s.Digest+" is in force"
	case s.LastGood != "":
		n.Reason = "LastGoodConfiguration"
	case s.Digest != "":
		n.Reason = "ConfigurationRefused"
	default:
		n.Reason = "NoConfiguration"
	}
	l.news.Tell(n)
}

// run compares the peers and tells Kubernetes until ctx ends.
func (l *lastGood) run(ctx context.Context) {
	var running sync.WaitGroup
	if l.peers != nil {
		running.Go(func() { l.peers.Watch(ctx, l.compared) })
	}
	if l.news != nil {
		running.Go(func() { l.news.Run(ctx) })
	}
	running.Wait()
}

// compared tells once that pods disagree, which they are, and once that they agree again.
func (l *lastGood) compared(c lastgood.Comparison, settled bool) {
	all, differ := c.Count()
	l.metrics.Compared(all, differ)
	told := l.disagree.Load()
	switch {
	case !settled || told != nil && told.String() == c.String():
	case !c.Agree():
		l.disagree.Store(&c)
		l.log.Warn().Stringer("pods", c).Msg("pods serve different configurations")
	case told != nil:
		l.disagree.Store(nil)
		l.log.Info().Int("pods", all).Msg("pods serve the same configuration again")
	}
}

// standing is what this process says of itself, to people and to peers.
func (l *lastGood) standing(s snapshot.Standing) any {
	out := struct {
		Pod     string `json:"pod,omitempty"`
		Version string `json:"version"`
		snapshot.Standing
		Disagree *lastgood.Comparison `json:"disagree,omitempty"` // pods by digest
	}{hostName(), version, s, l.disagree.Load()}
	return out
}

// hostName is the process' own, which is a pod's name. Without one peers are called by their addresses.
func hostName() string {
	name, _ := os.Hostname()
	return name
}

// bundle gives the configuration in force to peers.
func (l *lastGood) bundle() func(context.Context, netip.Addr) ([]byte, error) {
	if l.peers == nil {
		return nil
	}
	return func(ctx context.Context, from netip.Addr) ([]byte, error) {
		if known, err := l.peers.Include(ctx, from); !known {
			if err != nil {
				return nil, err
			}
			return nil, admin.ErrStranger
		}
		return l.store.Encoded(), nil
	}
}
