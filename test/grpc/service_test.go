package grpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip" // the server understands it
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

// The application: its messages are google.protobuf.Struct, which nests and has maps, so that no code has to be generated.
const service = "shop.Orders"

// app notes what it hears, and how its calls end.
type app struct {
	mu     sync.Mutex
	heard  map[string][]string // by call id
	ended  map[string]chan error
	health *health.Server
}

func callID(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	return strings.Join(md.Get("call"), "")
}

func (a *app) note(ctx context.Context, s *structpb.Struct) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := callID(ctx)
	a.heard[id] = append(a.heard[id], s.Fields["say"].GetStringValue())
}

// end is told how a call has ended for the application.
func (a *app) end(id string) chan error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended[id] == nil {
		a.ended[id] = make(chan error, 1)
	}
	return a.ended[id]
}

func (a *app) hears(id string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.heard[id], "|")
}

func say(text string) *structpb.Struct {
	s, err := structpb.NewStruct(map[string]any{"say": text})
	if err != nil {
		panic(err)
	}
	return s
}

// create answers one message with one. What it is asked for in metadata it does instead.
func (a *app) create(ctx context.Context, in *structpb.Struct) (*structpb.Struct, error) {
	a.note(ctx, in)
	md, _ := metadata.FromIncomingContext(ctx)
	switch strings.Join(md.Get("do"), "") {
	case "fail":
		return nil, status.Error(codes.NotFound, "no such order")
	case "leak an error":
		return nil, status.Error(codes.Internal, leak)
	case "leak":
		return say(leak), nil
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err := grpc.SetTrailer(ctx, metadata.Pairs("took", "a moment")); err != nil {
		return nil, err
	}
	return say("created " + in.Fields["say"].GetStringValue()), nil
}

// watch answers one message with several, each when the client has asked for it in another way, or at once.
func (a *app) watch(in *structpb.Struct, stream grpc.ServerStream) error {
	a.note(stream.Context(), in)
	for i := range 3 {
		text := fmt.Sprintf("news %d", i)
		if in.Fields["say"].GetStringValue() == "leak" && i == 1 {
			text = leak
		}
		if err := stream.SendMsg(say(text)); err != nil {
			return err
		}
	}
	if in.Fields["say"].GetStringValue() == "leak at the end" {
		return status.Error(codes.Internal, leak)
	}
	if in.Fields["say"].GetStringValue() == "for ever" {
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	return nil
}

// upload answers when all has come.
func (a *app) upload(stream grpc.ServerStream) error {
	n := 0
	for {
		var in structpb.Struct
		switch err := stream.RecvMsg(&in); {
		case errors.Is(err, io.EOF):
			return stream.SendMsg(say(fmt.Sprintf("%d messages", n)))
		case err != nil:
			return err
		}
		a.note(stream.Context(), &in)
		n++
	}
}

// chat speaks first, and echoes.
func (a *app) chat(stream grpc.ServerStream) error {
	if err := stream.SendMsg(say("welcome")); err != nil {
		return err
	}
	for {
		var in structpb.Struct
		switch err := stream.RecvMsg(&in); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		a.note(stream.Context(), &in)
		if err := stream.SendMsg(say("echo " + in.Fields["say"].GetStringValue())); err != nil {
			return err
		}
	}
}

func (a *app) stream(f func(grpc.ServerStream) error) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		err := f(stream)
		a.end(callID(stream.Context())) <- errors.Join(err, stream.Context().Err())
		return err
	}
}

func (a *app) desc() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: service, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Create", Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var in structpb.Struct
			if err := decode(&in); err != nil {
				return nil, err
			}
			return a.create(ctx, &in)
		}}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Watch", ServerStreams: true, Handler: a.stream(func(s grpc.ServerStream) error {
				var in structpb.Struct
				if err := s.RecvMsg(&in); err != nil {
					return err
				}
				return a.watch(&in, s)
			})},
			{StreamName: "Upload", ClientStreams: true, Handler: a.stream(a.upload)},
			{StreamName: "Chat", ClientStreams: true, ServerStreams: true, Handler: a.stream(a.chat)},
		},
	}
}

// serveApp starts the application, and returns where it is.
func serveApp(t *testing.T) (*app, string) {
	t.Helper()
	a := &app{heard: map[string][]string{}, ended: map[string]chan error{}, health: health.NewServer()}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	s.RegisterService(a.desc(), a)
	healthpb.RegisterHealthServer(s, a.health)
	go func() { _ = s.Serve(ln) }() // until Stop
	t.Cleanup(s.Stop)
	return a, ln.Addr().String()
}

// patience is how long a test waits for what has to happen.
const patience = time.Minute
