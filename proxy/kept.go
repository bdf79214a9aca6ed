package proxy

import (
	"context"
	"time"

	"github.com/wafer-waf/wafer/access/collection"
	"github.com/wafer-waf/wafer/access/store"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/waf"
)

// compiler returns the compiler of policies, whose rules remember something if the tier does.
func (p *Proxy) compiler(remembers bool) *waf.Compiler {
	c := waf.NewCompiler()
	if !remembers {
		return c
	}
	var shared *store.Store
	if p.shared != nil {
		shared = p.shared.store
	}
	p.kept = collection.New(collection.Options{Store: collection.Over(shared)})
	p.metrics.WatchCollections(func() metrics.Collections { return metrics.Collections(p.kept.Figures()) })
	c.Collections = p.kept
	return c
}

// keptSent is how long a process that ends takes to send what its rules have counted.
const keptSent = time.Second

// sendKept sends what the rules have counted and the store has not got yet.
func (p *Proxy) sendKept() {
	if p.kept == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), keptSent)
	defer cancel()
	p.kept.Close(ctx)
}
