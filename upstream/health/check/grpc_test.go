package check

import (
	"testing"

	"github.com/wafer-waf/wafer/message"
)

// TestCall looks at the bytes of a call.
func TestCall(t *testing.T) {
	c := standard()
	c.GRPC = true
	for service, want := range map[string]string{
		"":     "\x00\x00\x00\x00\x00",
		"shop": "\x00\x00\x00\x00\x06\x0a\x04shop",
	} {
		c.Service = service
		out := New(c).call("a:80")
		if got := string(out.Body.Bytes); got != want || out.Target != "/grpc.health.v1.Health/Check" || out.Method != "POST" {
			t.Errorf("%q: %q to %s", service, got, out.Target)
		}
		if out.Fields.Get("content-type") != "application/grpc" || out.Fields.Get("te") != "trailers" || out.Fields.Get("grpc-timeout") != "2000m" {
			t.Errorf("fields %v", out.Fields)
		}
	}
}

// TestCallIsJudged judges the answers of a call.
func TestCallIsJudged(t *testing.T) {
	ok := message.Fields{{Name: "grpc-status", Value: "0"}}
	for _, c := range []struct {
		a    Answer
		want string
	}{
		{Answer{Status: 200, Trailers: ok, Body: []byte("\x00\x00\x00\x00\x02\x08\x01")}, ""},
		{Answer{Status: 200, Fields: ok, Body: []byte("\x00\x00\x00\x00\x02\x08\x01")}, ""},
		{Answer{Status: 200, Trailers: ok, Body: []byte("\x00\x00\x00\x00\x09\x12\x01x\x08\x01\x18\x07\x20\x00")}, ""}, // fields that nobody knows
		{Answer{Status: 200, Trailers: ok, Body: []byte("\x00\x00\x00\x00\x02\x08\x02")}, "NOT_SERVING"},
		{Answer{Status: 200, Trailers: ok, Body: []byte("\x00\x00\x00\x00\x00")}, "UNKNOWN"},
		{Answer{Status: 200, Trailers: ok, Body: []byte("\x00\x00\x00\x00\x02\x08\x09")}, "serving status 9"},
		{Answer{Status: 200, Trailers: ok}, "no message of the health protocol"},
		{Answer{Status: 200, Trailers: ok, Body: []byte("\x00\x00\x00\x00\x05\x08\x01")}, "no message of the health protocol"},
		{Answer{Status: 200, Trailers: ok, Body: []byte("\x00\x00\x00\x00\x02\x08\xff")}, "no message of the health protocol"},
		{Answer{Status: 200, Trailers: ok, Body: []byte("\x01\x00\x00\x00\x02\x08\x01")}, "no message of the health protocol"},
		{Answer{Status: 200, Trailers: ok, Body: []byte("\x00\x00\x00\x00\x02\x0d\x01")}, "no message of the health protocol"},
		{Answer{Status: 200, Trailers: ok, Body: []byte("\x00\x00\x00\x00\x02\x12\x05")}, "no message of the health protocol"},
		{Answer{Status: 200, Fields: message.Fields{{Name: "Grpc-Status", Value: "12"}}}, "status 12 of gRPC"},
		{Answer{Status: 200, Body: []byte("\x00\x00\x00\x00\x02\x08\x01")}, "no status of gRPC"},
		{Answer{Status: 502}, "status 502"},
	} {
		got := ""
		if err := judgeCall(&c.a); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.a.Body, got, c.want)
		}
	}
}
