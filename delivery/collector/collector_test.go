package collector

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/remote"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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

// Who answers is no collector: nobody has the batch.
func TestNonsense(t *testing.T) {
	for _, answer := range []string{"<html>log in</html>", "\xff\xff\xff", "\x0a\x7f"} {
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
