package admin

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// Who is ready and yet wants somebody to look says so to who asks.
func TestReadyWithNotice(t *testing.T) {
	notice := "serving the last good configuration"
	o := Options{Notice: func() string { return notice }, Log: zerolog.Nop()}
	base := start(t, o)
	if got := do(t, "GET", base+"/readyz"); got.status != 200 || got.body != "ready, but "+notice+"\n" {
		t.Errorf("%d %q", got.status, got.body)
	}
	notice = ""
	if got := do(t, "GET", base+"/readyz"); got.status != 200 || got.body != "ready\n" {
		t.Errorf("%d %q", got.status, got.body)
	}
}

// The configuration is for peers alone, what is in force for all.
func TestBundle(t *testing.T) {
	var data []byte
	var err error
	var from netip.Addr
	base := start(t, Options{
		Standing: func() any { return map[string]string{"digest": "d"} },
		Bundle: func(_ context.Context, a netip.Addr) ([]byte, error) {
			from = a
			return data, err
		},
		Log: zerolog.Nop(),
	})
	f := func(status int, body string) {
		t.Helper()
		if got := do(t, "GET", base+"/api/v1/bundle"); got.status != status || !strings.Contains(got.body, body) {
			t.Errorf("%d %q, want %d %q", got.status, got.body, status, body)
		}
	}
	f(503, "no configuration in force yet")
	data = []byte("bundle")
	f(200, "bundle")
	if from.String() != "127.0.0.1" {
		t.Errorf("asked for %s", from)
	}
	data, err = nil, ErrStranger
	f(403, "only peers")
	err = errors.New("no such host")
	f(503, "no such host")
	if got := do(t, "GET", base+"/api/v1/standing"); got.status != 200 || !strings.Contains(got.body, `"digest": "d"`) {
		t.Errorf("%d %q", got.status, got.body)
	}
}
