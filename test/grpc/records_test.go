package grpc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/wafer-waf/wafer/record"
	"github.com/wafer-waf/wafer/test/tier"
)

// recorded are the records that are in a file.
func recorded(t *testing.T, file string) (all []*record.Record) {
	t.Helper()
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for from := record.NewReader(f); ; {
		one, err := from.Next()
		if err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			return all
		}
		all = append(all, one)
	}
}

// Records of calls have what both sides have said, how the call has ended, and the message because of which it was stopped, whichever
// side has sent it.
func TestRecords(t *testing.T) {
	a, addr := serveApp(t)
	dir := t.TempDir()
	file, boot := filepath.Join(dir, "records.jsonl"), filepath.Join(dir, "boot.yaml")
	if err := os.WriteFile(boot, []byte("records: { file: { path: "+file+" } }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: all, hosts: [all.test], policy: block, record: all, upstreams: [{ id: b }] }
  - { id: block, hosts: [block.test], policy: block, record: attacks, upstreams: [{ id: b }] }
  - { id: detect, hosts: [detect.test], policy: detect, record: attacks, upstreams: [{ id: b }] }
upstreams: [{ id: b, protocol: h2c, endpoints: ["http://%s"] }]
policies:
  - { id: block, response_body: { inspect: true } }
  - { id: detect, mode: detect, inherits: block }
records:
  - { id: all, sample: 100%%, unreadable: keep }
  - { id: attacks, sample: 0%%, when: { verdicts: [block, would_block] }, unreadable: keep }
`, addr)), "--config", boot)
	b := &bench{app: a, tier: w}
	// of makes a call and returns its record.
	of := func(host string, call func(conn *grpc.ClientConn) error) *record.Record {
		t.Helper()
		known := len(recorded(t, file))
		var all []*record.Record
		err := call(b.dial(t, host))
		tier.Eventually(t, "the record of a call to "+host, func() bool { all = recorded(t, file); return len(all) > known })
		t.Logf("%s: %v", host, err)
		return all[known]
	}
	create := func(conn *grpc.ClientConn, what string, fields ...string) (err error) {
		ctx, _ := b.call(t, fields...)
		return conn.Invoke(ctx, method("Create"), say(what), say(""))
	}
	has := func(what string, body *record.Body, want ...string) {
		t.Helper()
		if body == nil {
			t.Errorf("%s: nothing, want %q", what, want)
			return
		}
		for _, text := range want {
			if !strings.Contains(string(body.Bytes), text) {
				t.Errorf("%s: %+v, want %q", what, body, text)
			}
		}
	}
	value := func(fields []record.Field, name string) string {
		for _, f := range fields {
			if http.CanonicalHeaderKey(f.Name) == http.CanonicalHeaderKey(name) {
				return f.Value
			}
		}
		return ""
	}

	one := of("all.test", func(conn *grpc.ClientConn) error { return create(conn, "an order") })
	has("request", one.Request.Body, "an order")
	has("response", one.Response.Body, "an order")
	if one.Message != "" || one.Withheld != nil || value(one.Response.Trailers, "grpc-status") != "0" {
		t.Errorf("%+v %+v", one, one.Response)
	}
	one = of("all.test", func(conn *grpc.ClientConn) error {
		ctx, _ := b.call(t)
		got, err := watch(ctx, conn, "news")
		if len(got) != 3 {
			t.Errorf("%v %v", got, err)
		}
		return err
	})
	has("stream of the server", one.Response.Body, "news 0", "news 1", "news 2")
	one = of("all.test", func(conn *grpc.ClientConn) error {
		ctx, _ := b.call(t)
		_, err := upload(ctx, conn, "one", "two", "three")
		return err
	})
	has("stream of the client", one.Request.Body, "one", "two", "three")
	one = of("all.test", func(conn *grpc.ClientConn) error {
		ctx, _ := b.call(t)
		_, err := watch(ctx, conn, "leak")
		wantCode(t, err, codes.PermissionDenied)
		return err
	})
	has("before the leak", one.Response.Body, "news 0")
	if strings.Contains(string(one.Response.Body.Bytes), leak) || one.Withheld == nil || one.Verdict != "block" || len(one.Rules) == 0 {
		t.Fatalf("a leak in a stream: %+v", one)
	}
	has("the leak", one.Withheld.Body, leak)

	one = of("block.test", func(conn *grpc.ClientConn) error { return create(conn, "an order", "do", "leak") })
	if one.Withheld == nil || one.Withheld.Status != 200 || value(one.Withheld.Headers, "content-type") != "application/grpc" || one.Message != "" {
		t.Fatalf("a leak: %+v", one)
	}
	has("the leak", one.Withheld.Body, leak)
	one = of("block.test", func(conn *grpc.ClientConn) error { return create(conn, attack) })
	has("the attack", one.Request.Body, attack)
	if one.Message != "grpc" || one.Withheld != nil {
		t.Errorf("%+v", one)
	}
	one = of("detect.test", func(conn *grpc.ClientConn) error { return create(conn, "an order", "do", "leak") })
	has("the leak that passed", one.Response.Body, leak)
	if one.Message != "grpc" || one.Withheld != nil || one.Verdict != "would_block" {
		t.Errorf("%+v", one)
	}
}
