package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/wafer-waf/wafer/access/file"
	"github.com/wafer-waf/wafer/admin"
	"github.com/wafer-waf/wafer/admin/api"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/peers"
	"github.com/wafer-waf/wafer/proxy"
	"github.com/wafer-waf/wafer/recent"
)

// watching is what the process keeps of what it does, for the admin API. Without an admin listener, or with
// recent.memory: 0, it keeps nothing.
type watching struct {
	store *recent.Store
	line  *recent.Timeline
}

func newWatching(boot *config.Boot) *watching {
	if boot.Admin == "" || boot.Recent.Memory == 0 {
		return &watching{}
	}
	return &watching{recent.NewStore(int(boot.Recent.Memory)), proxy.NewTimeline()}
}

// attach has events come here. Those of requests that passed come only if standard output has them: who switches them off
// wants none to be made.
func (w *watching) attach(events *audit.Log, kinds audit.Kinds) {
	if w.store != nil {
		events.Attach(recentSink{w.store}, audit.Native, kinds)
	}
}

// recentSink keeps events.
type recentSink struct{ *recent.Store }

func (s recentSink) Send(_ audit.Kind, line []byte) { s.Add(line) }

// run counts until ctx ends.
func (w *watching) run(ctx context.Context) {
	if w.line != nil {
		w.line.Run(ctx.Done())
	}
}

// peersOf are the pods that the admin API asks; nil: there are none.
func peersOf(boot *config.Boot, files *admin.Files) *peers.Peers {
	names := boot.Peers()
	if len(names) == 0 {
		return nil
	}
	return peers.New(askingPeers(boot, files, names))
}

// askingPeers is how this process asks the pods of names.
func askingPeers(boot *config.Boot, files *admin.Files, names []string) peers.Options {
	o := peers.Options{Names: names, Self: hostName(), TLS: peerTLS(&boot.AdminTLS, files, names)}
	if file := boot.AdminPeerToken; file != "" {
		o.Token = func() (string, error) { return firstLine(file) }
	}
	return o
}

// maxSecret is more than the file of a token or a password holds.
const maxSecret = 64 << 10

// firstLine is that of a file, read anew each time, for secrets change.
func firstLine(name string) (string, error) {
	text, err := file.Whole(name, maxSecret)
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return "", fmt.Errorf("%s: the first line is empty", name)
	}
	return string(line), nil
}

// apiOf is the admin API, and who may read it as a peer.
func apiOf(boot *config.Boot, files *admin.Files, w *watching, state api.State, out *outputs) (a *api.API, peer func(context.Context, netip.Addr) (bool, error)) {
	all := peersOf(boot, files)
	if all != nil && boot.AdminPeerToken == "" {
		peer = all.Include
	}
	return api.New(api.Options{
		Pod: hostName(), Version: version, Started: time.Now(), Store: w.store, Line: w.line, Access: string(boot.Log.Access),
		Dropped: out.dropped, Peers: all, State: state, Log: out.log.With().Str("component", "admin").Logger(),
	}), peer
}

// addAPI adds the API to the endpoints of the admin listener.
func addAPI(o *admin.Options, a *api.API, peer func(context.Context, netip.Addr) (bool, error)) {
	o.API, o.Scoped, o.Peer = a.Endpoints(), a.Scoped(), peer
}
