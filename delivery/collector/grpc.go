package collector

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/remote"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// reconnects bounds the pauses between attempts to connect: who carries batches has longer ones anyway.
const reconnects = 2 * time.Second

// answerBytes are those of an answer, and of the fields that it comes with, that are read. Nobody else has this limit, so
// that what is larger than it is an answer, and not a request.
const answerBytes = 64<<10 + 1

// tooLarge is what implementations of gRPC say of a request that is larger than they take: Go, C and Node; Java; .NET;
// Rust. No code says it.
var tooLarge = []string{"larger than max", "exceeds maximum size", "exceeds the maximum", "length too large"}

// What goes wrong is an error of a call. The library would write to standard error beside that, as often as a receiver
// likes, and wait for who reads it.
func init() { grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)) }

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
	options := []grpc.CallOption{grpc.ForceCodecV2(raw{}), grpc.MaxCallRecvMsgSize(answerBytes)}
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
		grpc.WithMaxHeaderListSize(answerBytes),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: reconnects / 4, Multiplier: 2, Jitter: 0.2, MaxDelay: reconnects},
			MinConnectTimeout: 5 * time.Second,
		}))
}

// failed says what an error means for the batch.
func (g *byGRPC) failed(err error) error {
	s := status.Convert(err)
	err = fmt.Errorf("gRPC status %s: %s", s.Code(), remote.Quote(s.Message()))
	switch s.Code() {
	case codes.DeadlineExceeded:
		g.close() // whoever does not answer on it may never do so
	case codes.ResourceExhausted, codes.OutOfRange:
		if isTooLarge(s.Message()) {
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

// isTooLarge tells by its message whether a status is of a request that is larger than the receiver takes.
func isTooLarge(message string) bool {
	if strings.HasSuffix(strings.TrimSuffix(message, ")"), " "+strconv.Itoa(answerBytes)) {
		return false // it is of the answer
	}
	message = strings.ToLower(message)
	return slices.ContainsFunc(tooLarge, func(part string) bool { return strings.Contains(message, part) })
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
