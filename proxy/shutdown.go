package proxy

import (
	"context"
	"fmt"
	"time"
)

// SkipDrainDelay lets the Shutdown that follows begin with closing the listener.
func (p *Proxy) SkipDrainDelay() { p.boot.DrainDelay = 0 }

// Shutdown ends serving without losing a request: readiness fails first, so that new
// connections go elsewhere while this one still answers; after the drain delay the
// listener closes, and requests in flight have the grace to finish. ctx cuts both short.
func (p *Proxy) Shutdown(ctx context.Context) error {
	defer p.snapshots.Builder.Access.Close()
	p.draining.Store(true)
	p.log.Info().Dur("drain_delay", p.boot.DrainDelay).Dur("grace", p.boot.ShutdownGrace).Msg("draining")
	select {
	case <-time.After(p.boot.DrainDelay):
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(ctx, p.boot.ShutdownGrace)
	defer cancel()
	err := p.listeners.shutdown(ctx)
	if err == nil && !p.await(ctx, func() int64 { return p.serving.Load() + p.tunnels.Load() }) && p.serving.Load() > 0 {
		err = ctx.Err()
	}
	if requests, tunnels := p.serving.Load(), p.tunnels.Load(); err != nil || tunnels > 0 {
		p.cut(requests, tunnels)
	}
	if err != nil {
		return fmt.Errorf("requests still in flight after %s: %w", p.boot.ShutdownGrace, err)
	}
	p.snapshots.InForce().Release()
	return nil
}

// lastWords is how long requests that are cut have to write their events.
const lastWords = time.Second

// cut ends what still runs, and has it say so.
func (p *Proxy) cut(requests, tunnels int64) {
	p.cutting.Store(true)
	p.listeners.cut()
	p.snapshots.Builder.Cut()
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	p.await(ctx, p.serving.Load)
	p.log.Warn().Int64("requests", requests).Int64("tunnels", tunnels).Int64("silent", p.serving.Load()).Msg("cut at shutdown")
}

// await waits until there are none left, or ctx ends, and reports which. A WebSocket, for one, may have no
// end of its own.
func (p *Proxy) await(ctx context.Context, left func() int64) bool {
	for left() > 0 {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return left() <= 0
		}
	}
	return true
}
