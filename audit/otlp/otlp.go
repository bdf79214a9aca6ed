package otlp

import (
	"context"
	"errors"
	"fmt"

	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/remote"
	"google.golang.org/protobuf/encoding/protowire"
)

// Options say where records go, and how.
type Options struct {
	URL      string // by HTTP: with its path
	Target   string // by gRPC: host:port
	GRPC     bool
	Clear    bool // gRPC without TLS
	Plain    bool // not compressed
	Resource []Attribute
	Version  string // of the tier
	Remote   *remote.Remote
}

// way is how requests get to the receiver.
type way interface {
	export(ctx context.Context, request []byte) (response []byte, err error)
	close()
}

// Carrier carries batches of lines.
type Carrier struct {
	way             way
	resource, scope []byte
	made            uint64 // the number of the batch that body is of
	body            []byte
}

// keepBytes bounds the buffer that is kept for the next batch.
const keepBytes = 2 << 20

// New makes a Carrier.
func New(o Options) *Carrier {
	c := &Carrier{}
	c.resource, c.scope = preamble(o.Resource, o.Version)
	if o.GRPC {
		c.way = &byGRPC{o: o}
	} else {
		c.way = newHTTP(o)
	}
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
	response, err := c.way.export(ctx, c.body)
	if err != nil {
		return err
	}
	return rejected(response)
}

// Close implements delivery.Carrier.
func (c *Carrier) Close() { c.way.close() }

// errNonsense is of an answer that no receiver of OTLP gives. Whoever gave it may not have the batch.
var errNonsense = errors.New("the answer is none of OTLP")

// rejected reads an ExportLogsServiceResponse, which says how many records the receiver does not take.
func rejected(response []byte) error {
	partial, err := fields(response)
	if err != nil || partial[1].bytes == nil {
		return err
	}
	counts, err := fields(partial[1].bytes)
	if err != nil || counts[1].number == 0 {
		return err
	}
	return &delivery.Refusal{
		Items: int(min(counts[1].number, 1<<30)), Why: delivery.Refused,
		Err: fmt.Errorf("%d records were rejected: %q", counts[1].number, counts[2].bytes),
	}
}

// field is one of a message: a number, or bytes.
type field struct {
	number uint64
	bytes  []byte
}

// fields are the first two of a message, by their number.
func fields(message []byte) (found [3]field, err error) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return found, errNonsense
		}
		message = message[n:]
		var f field
		switch kind {
		case protowire.VarintType:
			f.number, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return found, errNonsense
		}
		if message = message[n:]; int(number) < len(found) {
			found[number] = f
		}
	}
	return found, nil
}
