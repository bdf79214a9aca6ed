package collector

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/remote"
	"golang.org/x/net/http2"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestStatusesOfGRPC(t *testing.T) {
	wait, err := status.New(codes.ResourceExhausted, "busy").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{status.Error(codes.InvalidArgument, "bad"), "refused"},
		{status.Error(codes.Unauthenticated, "who"), "again"},
		{status.Error(codes.PermissionDenied, "no"), "again"},
		{status.Error(codes.Unavailable, "later"), "again"},
		{status.Error(codes.Unimplemented, "what"), "again"},
		{status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5 vs. 4)"), "too large"},
		{status.Error(codes.ResourceExhausted, "gRPC message exceeds maximum size 4: 5"), "too large"},
		{status.Error(codes.ResourceExhausted, "Received message exceeds the maximum configured message size."), "too large"},
		{status.Error(codes.OutOfRange, "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes"), "too large"},
		{status.Error(codes.ResourceExhausted, "no memory"), "again"},
		{wait.Err(), "later"},
	} {
		g := &byGRPC{}
		got := g.failed(test.err)
		var refused *delivery.Refusal
		var later *delivery.Later
		is := "again"
		switch {
		case errors.Is(got, delivery.ErrTooLarge):
			is = "too large"
		case errors.As(got, &refused):
			is = "refused"
		case errors.As(got, &later):
			if is = "later"; later.After != 3*time.Second {
				t.Errorf("after %s", later.After)
			}
		}
		if is != test.want {
			t.Errorf("%v: %s, want %s", test.err, is, test.want)
		}
	}
}

// loud is a collector of gRPC that answers what a test says.
func loud(t *testing.T, answer []byte, failed error, o ...grpc.ServerOption) *Collector {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(append(o, grpc.ForceServerCodecV2(raw{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		var request []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
		return stream.SendMsg(answer)
	}))...)
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(s.Stop)
	c := New(Logs, Options{GRPC: true, Target: ln.Addr().String(), Clear: true, Remote: remote.New(remote.TLS{}, "")})
	t.Cleanup(c.Close)
	return c
}

// A request that is too large for the collector is one, and an answer that is too large for us is none.
func TestTooLarge(t *testing.T) {
	request := []byte(strings.Repeat("x", 2000))
	if err := loud(t, nil, nil, grpc.MaxRecvMsgSize(1000)).Export(t.Context(), request); !errors.Is(err, delivery.ErrTooLarge) {
		t.Errorf("a large request: %v", err)
	}
	// Compressed it is small.
	for name, c := range map[string]*Collector{
		"a large answer":              loud(t, make([]byte, answerBytes+1), nil),
		"one that becomes large":      loud(t, make([]byte, answerBytes+1), nil, grpc.StreamInterceptor(compressed)),
		"one that becomes very large": loud(t, make([]byte, 64<<20), nil, grpc.MaxSendMsgSize(1<<30), grpc.StreamInterceptor(compressed)),
	} {
		err := c.Export(t.Context(), request)
		var refused *delivery.Refusal
		if err == nil || errors.Is(err, delivery.ErrTooLarge) || errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := loud(t, make([]byte, 10), nil).Export(t.Context(), request); !errors.Is(err, errNonsense) {
		t.Errorf("a small one that is none: %v", err)
	}
}

// compressed has answers compressed.
func compressed(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := grpc.SetSendCompressor(stream.Context(), "gzip"); err != nil {
		return err
	}
	return next(srv, stream)
}

// What a collector says is cut, and nothing in it is obeyed.
func TestHostileWords(t *testing.T) {
	words := "\x1b[2J\n\u202e" + strings.Repeat("ü", 10_000)
	var partial []byte
	partial = protowire.AppendTag(partial, 1, protowire.VarintType)
	partial = protowire.AppendVarint(partial, 1)
	partial = protowire.AppendTag(partial, 2, protowire.BytesType)
	partial = protowire.AppendString(partial, words)
	answer := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), partial)
	for name, err := range map[string]error{
		"rejected": rejected(answer),
		"status":   loud(t, nil, status.Error(codes.InvalidArgument, words)).Export(t.Context(), []byte("x")),
		"again":    loud(t, nil, status.Error(codes.Internal, words)).Export(t.Context(), []byte("x")),
		"endless":  loud(t, nil, status.Error(codes.Internal, strings.Repeat(words, 100))).Export(t.Context(), []byte("x")),
	} {
		if err == nil || len(err.Error()) > 500 || strings.ContainsAny(err.Error(), "\x1b\n\u202e") || !utf8.ValidString(err.Error()) {
			t.Errorf("%s: %.600v", name, err)
		}
	}
}

// What a collector does is an error of a call, and nothing that the library writes to standard error as often as that likes.
func TestQuiet(t *testing.T) {
	const mark = "WAFER_TEST_QUIET"
	if os.Getenv(mark) == "" {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestQuiet$", "-test.count=1")
		c.Env = append(os.Environ(), mark+"=1")
		var stderr bytes.Buffer
		c.Stderr = &stderr
		if out, err := c.Output(); err != nil || stderr.Len() > 0 {
			t.Errorf("%v\n%s\nand to standard error\n%s", err, out, stderr.String())
		}
		return
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			f := http2.NewFramer(conn, conn)
			_ = f.WriteSettings()
			_ = f.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, []byte("too_many_pings"))
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	c := New(Logs, Options{GRPC: true, Target: ln.Addr().String(), Clear: true, Remote: remote.New(remote.TLS{}, "")})
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := c.Export(ctx, []byte("request")); err == nil {
		t.Error("taken")
	}
}

// Who answers is no collector: nobody has the batch.
func TestNonsense(t *testing.T) {
	for _, answer := range []string{"<html>log in</html>", "\xff\xff\xff", "\x0a\x7f", "\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if err := rejected([]byte(answer)); !errors.Is(err, errNonsense) {
			t.Errorf("%q: %v", answer, err)
		}
	}
	if err := rejected(nil); err != nil {
		t.Error(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n")
			_ = conn.Close()
		}
	}()
	c := New(Logs, Options{GRPC: true, Target: ln.Addr().String(), Clear: true, Remote: remote.New(remote.TLS{}, "")})
	defer c.Close()
	var refused *delivery.Refusal
	if err := c.Export(t.Context(), []byte("request")); err == nil || errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
}
