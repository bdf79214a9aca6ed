package k8s

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// searching answers as a resolver with search domains does: what it is asked for is an alias of the whole name.
func searching(t *testing.T, whole map[string]string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer, err := answered(buf[:n], whole); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// answered is a message with the address 127.0.0.1 for the name that is asked for, if there is such a name.
func answered(question []byte, whole map[string]string) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	asked := m.Questions[0]
	full, ok := whole[strings.TrimSuffix(asked.Name.String(), ".")]
	if !ok {
		m.RCode = dnsmessage.RCodeNameError
		return m.Pack()
	}
	name, err := dnsmessage.NewName(full + ".")
	if err != nil {
		return nil, err
	}
	m.Answers = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: asked.Name, Class: dnsmessage.ClassINET}, Body: &dnsmessage.CNAMEResource{CNAME: name},
	}}
	if asked.Type == dnsmessage.TypeA {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		})
	}
	return m.Pack()
}

// TestVerifyShortNames: the pods behind a Service are tried under whichever name an endpoint gives it.
func TestVerifyShortNames(t *testing.T) {
	t.Parallel()
	resolver := searching(t, map[string]string{
		"orders-origin":                     "orders-origin.shop.svc.cluster.test",
		"pay-origin.bank":                   "pay-origin.bank.svc.cluster.test",
		"web-origin.shop.svc":               "web-origin.shop.svc.cluster.test",
		"mail-origin.shop.svc.cluster.test": "mail-origin.shop.svc.cluster.test",
		"example.com":                       "example.com",
		"alias":                             "db.example.com",
	})
	var asked []string
	o := VerifyOptions{Timeout: 5 * time.Second, Resolver: resolver, Pods: func(_ context.Context, namespace, service, port string) ([]string, error) {
		asked = append(asked, namespace+"/"+service+":"+port)
		return nil, nil
	}}
	target := Target{Route: "all", Direct: []string{"orders-origin:1", "pay-origin.bank:1", "web-origin.shop.svc:1", "mail-origin.shop.svc.cluster.test:1", "example.com:1", "alias:1", "127.0.0.1:1"}}
	checks := Verify(t.Context(), []Target{target}, o)
	want := []string{"shop/orders-origin:1", "bank/pay-origin:1", "shop/web-origin:1", "shop/mail-origin:1"}
	if !slices.Equal(asked, want) {
		t.Errorf("asked for the pods of %v, want %v", asked, want)
	}
	if Failed(checks) > 0 {
		t.Errorf("%v", checks)
	}
	gone := Verify(t.Context(), []Target{{Direct: []string{"gone-origin:1"}}}, o)
	if Failed(gone) == 0 {
		t.Errorf("an unknown name is well: %v", gone)
	}
}

// TestVerifyTLS: where callers speak TLS, the certificate has to be for the name that they ask for.
func TestVerifyTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	o := VerifyOptions{Timeout: 5 * time.Second, Attacks: []Attack{{"attack-sqli", "q=1"}}}
	f := func(name, want string) {
		t.Helper()
		through := Request{Address: server.Listener.Addr().String(), Host: name, Path: "/", TLS: name}
		for i, c := range Verify(t.Context(), []Target{{Through: []Request{through}, BlockStatus: http.StatusForbidden}}, o) {
			if got := strings.Split(want, ", ")[i]; c.Got != got || !strings.HasPrefix(c.Address, "https://") {
				t.Errorf("%s: %+v, want %q", name, c, got)
			}
		}
	}
	f("example.com", "200, 403")
	f("orders.shop.svc", "TLS: the certificate is not for orders.shop.svc, TLS: the certificate is not for orders.shop.svc")
}
