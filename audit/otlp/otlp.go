package otlp

import (
	"context"

	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/collector"
)

// Options say where records go, and how.
type Options struct {
	Collector collector.Options
	Resource  []Attribute
	Version   string // of the tier
}

// Carrier carries batches of lines.
type Carrier struct {
	collector       *collector.Collector
	resource, scope []byte
	made            uint64 // the number of the batch that body is of
	body            []byte
}

// keepBytes bounds the buffer that is kept for the next batch.
const keepBytes = 2 << 20

// New makes a Carrier.
func New(o Options) *Carrier {
	c := &Carrier{collector: collector.New(collector.Logs, o.Collector)}
	c.resource, c.scope = preamble(o.Resource, o.Version)
	return c
}

// Carry implements delivery.Carrier.
func (c *Carrier) Carry(ctx context.Context, batch delivery.Batch[delivery.Line]) error {
	if c.made != batch.Number {
		if cap(c.body) > keepBytes {
			c.body = nil
		}
		c.body = c.request(c.body[:0], batch.Items)
		c.made = batch.Number
	}
	return c.collector.Export(ctx, c.body)
}

// Close implements delivery.Carrier.
func (c *Carrier) Close() { c.collector.Close() }
