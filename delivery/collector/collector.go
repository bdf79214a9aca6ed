// Package collector speaks OTLP to an OpenTelemetry collector, or to whoever else takes it, over gRPC or HTTP: requests are
// bytes here, of whatever signal, and the answers are read as all signals have them.
package collector

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/remote"
	"google.golang.org/protobuf/encoding/protowire"
)

// Signal is what is brought to a collector: the service of gRPC that takes it.
type Signal string

// The signals.
const (
	Logs   Signal = "logs.v1.LogsService"
	Traces Signal = "trace.v1.TraceService"
)

func (s Signal) method() string { return "/opentelemetry.proto.collector." + string(s) + "/Export" }

// Path is where collectors take the signal by HTTP, behind their address.
func (s Signal) Path() string {
	if s == Traces {
		return "/v1/traces"
	}
	return "/v1/logs"
}

// Options say where requests go, and how.
type Options struct {
	GRPC   bool
	URL    string // by HTTP: with its path
	Target string // by gRPC: host:port
	Clear  bool   // gRPC without TLS
	Plain  bool   // not compressed
	Remote *remote.Remote
}

// Collector is who takes requests. It belongs to one goroutine at a time.
type Collector struct{ way way }

// way is how requests get there.
type way interface {
	export(ctx context.Context, request []byte) (response []byte, err error)
	close()
}

// New makes a Collector. It connects when it exports.
func New(s Signal, o Options) *Collector {
	if o.GRPC {
		return &Collector{&byGRPC{method: s.method(), o: o}}
	}
	return &Collector{newHTTP(o)}
}

// Export brings a request to the collector. The error says what is to become of the batch that it is of.
func (c *Collector) Export(ctx context.Context, request []byte) error {
	response, err := c.way.export(ctx, request)
	if err != nil {
		return err
	}
	return rejected(response)
}

// Close ends the connection.
func (c *Collector) Close() { c.way.close() }

// errNonsense is of an answer that no receiver of OTLP gives. Whoever gave it may not have the batch.
var errNonsense = errors.New("the answer is none of OTLP")

// rejected reads the response, which is of the same shape for all signals: how many items the receiver does not take.
func rejected(response []byte) error {
	partial, err := fields(response)
	if err != nil || partial[1].bytes == nil {
		return err
	}
	counts, err := fields(partial[1].bytes)
	if err != nil || counts[1].number == 0 {
		return err
	}
	if counts[1].number > math.MaxInt64 { // a negative number
		return errNonsense
	}
	return &delivery.Refusal{
		Items: int(min(counts[1].number, 1<<30)), Why: delivery.Refused,
		Err: fmt.Errorf("%d items were rejected: %s", counts[1].number, remote.Quote(string(counts[2].bytes))),
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
