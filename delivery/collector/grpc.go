package collector

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/delivery"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// reconnects bounds the pauses between attempts to connect: who carries batches has longer ones anyway.
const reconnects = 2 * time.Second

// byGRPC calls the receiver.
type byGRPC struct {
	method string
	o      Options
	conn   *grpc.ClientConn // nil: there is none
}

func (g *byGRPC) export(ctx context.Context, request []byte) ([]byte, error) {
	reconnect, err := g.o.Remote.Refresh()
	if err != nil {
		return nil, err
	}
	if reconnect {
		g.close()
	}
	if g.conn == nil {
		if g.conn, err = g.connect(); err != nil {
			return nil, err
		}
	}
	for _, f := range g.o.Remote.Fields() {
		ctx = metadata.AppendToOutgoingContext(ctx, strings.ToLower(f.Name), f.Value)
	}
	options := []grpc.CallOption{grpc.ForceCodecV2(raw{})}
	if !g.o.Plain {
		options = append(options, grpc.UseCompressor(gzip.Name))
	}
	var response []byte
	if err := g.conn.Invoke(ctx, g.method, request, &response, options...); err != nil {
		return nil, g.failed(err)
	}
	return response, nil
}

func (g *byGRPC) connect() (*grpc.ClientConn, error) {
	secured := insecure.NewCredentials()
	if !g.o.Clear {
		secured = credentials.NewTLS(g.o.Remote.Config())
	}
	return grpc.NewClient(g.o.Target,
		grpc.WithTransportCredentials(secured), grpc.WithUserAgent("wafer"), grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: reconnects / 4, Multiplier: 2, Jitter: 0.2, MaxDelay: reconnects},
			MinConnectTimeout: 5 * time.Second,
		}))
}

// failed says what an error means for the batch.
func (g *byGRPC) failed(err error) error {
	s := status.Convert(err)
	switch s.Code() {
	case codes.DeadlineExceeded:
		g.close() // whoever does not answer on it may never do so
	case codes.ResourceExhausted:
		if strings.Contains(s.Message(), "larger than max") { // which the status cannot say
			return delivery.ErrTooLarge
		}
	case codes.InvalidArgument, codes.FailedPrecondition, codes.AlreadyExists:
		// Unimplemented, Internal and Unknown are also what the client of gRPC makes of an answer that is none.
		return &delivery.Refusal{Why: delivery.Refused, Err: err}
	}
	for _, d := range s.Details() {
		if retry, ok := d.(*errdetails.RetryInfo); ok {
			return &delivery.Later{After: retry.GetRetryDelay().AsDuration(), Err: err}
		}
	}
	return err
}

func (g *byGRPC) close() {
	if g.conn != nil {
		_ = g.conn.Close()
		g.conn = nil
	}
}

// raw is a codec of messages that are bytes already.
type raw struct{}

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("cannot send a %T", v)
	}
	// A connection may hold bytes of a call that has ended, and ours are of the next batch then.
	return mem.BufferSlice{mem.SliceBuffer(bytes.Clone(b))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("cannot receive a %T", v)
	}
	*b = data.Materialize()
	return nil
}

func (raw) Name() string { return "proto" }
