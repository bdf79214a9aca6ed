package proxy

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/message"
)

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, tt := range []struct {
		name, peer, field string
		values            []string
		want              string
	}{
		{"nobody says anything", "10.0.0.1:1", "X-Forwarded-For", nil, "10.0.0.1"},
		{"a stranger's word counts nothing", "192.0.2.9:1", "X-Forwarded-For", []string{"198.51.100.1"}, "192.0.2.9"},
		{"one hop", "10.0.0.1:1", "X-Forwarded-For", []string{"198.51.100.1"}, "198.51.100.1"},
		{"spoofed on the left", "10.0.0.1:1", "X-Forwarded-For", []string{"1.1.1.1, 198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		{"several lines are one list", "10.0.0.1:1", "X-Forwarded-For", []string{"1.1.1.1", "198.51.100.1", "10.2.3.4"}, "198.51.100.1"},
		{"all trusted", "10.0.0.1:1", "X-Forwarded-For", []string{"10.0.0.7, 10.0.0.8"}, "10.0.0.7"},
		{"with port", "10.0.0.1:1", "X-Forwarded-For", []string{"198.51.100.1:1234"}, "198.51.100.1"},
		{"nonsense ends it", "10.0.0.1:1", "X-Forwarded-For", []string{"198.51.100.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"empty ends it", "10.0.0.1:1", "X-Forwarded-For", []string{"198.51.100.1,"}, "10.0.0.1"},
		{"mapped", "[::ffff:10.0.0.1]:1", "X-Forwarded-For", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"v6", "[2001:db8::1]:1", "X-Forwarded-For", []string{"[2001:db9::7]:443"}, "2001:db9::7"},
		{"zone", "10.0.0.1:1", "X-Forwarded-For", []string{"fe80::1%eth0"}, "fe80::1"},
		{"another field is not asked", "10.0.0.1:1", "X-Client", []string{"198.51.100.1"}, "198.51.100.1"},
		{"forwarded", "10.0.0.1:1", "Forwarded", []string{`for=1.1.1.1, for="198.51.100.1:80";proto=https;by=_x, For=10.0.0.2`}, "198.51.100.1"},
		{"forwarded v6", "10.0.0.1:1", "Forwarded", []string{`host="a,b;c\"d";for="[2001:db9::7]:4711"`}, "2001:db9::7"},
		{"forwarded obfuscated", "10.0.0.1:1", "Forwarded", []string{`for=1.1.1.1, for=_hidden`}, "10.0.0.1"},
		{"forwarded without for", "10.0.0.1:1", "Forwarded", []string{`for=1.1.1.1, proto=http`}, "10.0.0.1"},
		{"forwarded twice", "10.0.0.1:1", "Forwarded", []string{`for=1.1.1.1;for=2.2.2.2`}, "10.0.0.1"},
		{"forwarded broken", "10.0.0.1:1", "Forwarded", []string{`for="1.1.1.1`}, "10.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer := netip.MustParseAddrPort(tt.peer)
			peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port()) // as listeners say it
			v := view{Request: message.Request{Peer: peer, Fields: message.Fields{{Name: "Host", Value: "x"}}}}
			for _, value := range tt.values {
				v.Fields = append(v.Fields, message.Field{Name: strings.ToLower(tt.field), Value: value})
			}
			v.identify(trusted, tt.field)
			if got := v.client.String(); got != tt.want {
				t.Errorf("client %s, want %s", got, tt.want)
			}
		})
	}
}

// Whatever a field holds, what is appended last is what counts: nobody can forge the
// element after their own.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"", "for=1.1.1.1", `for="[::1]:80";by=x, for=2`, `a="\\"`, ",;,=", "for=1;for=2", `x="y`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		hops := forwardedHops(nil, value)
		if len(hops) == 0 {
			t.Fatal("no hop at all")
		}
		// A value that ends within a quoted string swallows what follows: that is a syntax
		// error and ends the search. In all other cases the appended element is the last.
		appended := forwardedHops(nil, value+", for=192.0.2.77")
		last := appended[len(appended)-1]
		if last != "192.0.2.77" && last != "" {
			t.Fatalf("%q: the last hop is %q of %q", value, last, appended)
		}
		if whole := hops; last == "192.0.2.77" && !slices.Equal(whole, appended[:len(appended)-1]) {
			t.Fatalf("%q: %q became %q", value, whole, appended)
		}
	})
}

func TestRequestID(t *testing.T) {
	v := view{Request: message.Request{Fields: message.Fields{{Name: "x-request-id", Value: "from-outside"}}}}
	if id := v.requestID(); id == "from-outside" || len(id) != 36 {
		t.Errorf("id %q: a stranger chose it, or it is no UUID", id)
	}
	v.trusted = true
	if id := v.requestID(); id != "from-outside" {
		t.Errorf("id %q, want the trusted proxy's", id)
	}
	for _, bad := range []string{"", ".", "..", "top", "stream", "seven77", "too wide a", "<script>", "eight888\"", strings.Repeat("a", 129), "ééééé"} {
		if validRequestID(bad) {
			t.Errorf("%q is taken for an id", bad)
		}
	}
	if a, b := newRequestID(), newRequestID(); a >= b {
		t.Errorf("%s is not before %s", a, b)
	}
}
