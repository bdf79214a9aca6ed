package h2spec

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
	"github.com/wafer-waf/wafer/test/tier"
)

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

// exceptions are the cases that the tier does not pass, with the reason.
var exceptions = map[string]string{
	"http2/3.5 Sends invalid connection preface":                        "the first bytes choose the version: these are answered as a bad request of HTTP/1, and the connection is closed",
	"http2/6.5.3 Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE": "the standard library ends a connection whose SETTINGS say something twice",
}

// few is less than the number of cases there are.
const few = 140

func TestSpec(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "hello")
	}))
	defer backend.Close()
	tr := tier.Plain(t, tier.RouteFile(t, `
upstreams: [{id: app, endpoints: ["`+backend.URL+`"]}]
policies: [{id: none, mode: off}]
routes: [{id: all, upstreams: [{id: app}], policy: none}]
`))
	host, port, err := net.SplitHostPort(tr.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c := &config.Config{Host: host, Port: n, Path: "/", Timeout: 2 * time.Second, MaxHeaderLen: 4000, Strict: true}
	asked := 0
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		group.Test(c)
		asked += judge(t, group)
	}
	t.Logf("%d cases, %d exceptions", asked, len(exceptions))
	if asked < few {
		t.Errorf("%d cases only", asked)
	}
}

// judge says what has failed in a group, and returns how many cases it has.
func judge(t *testing.T, group *spec.TestGroup) int {
	t.Helper()
	asked := 0
	for _, test := range append(group.Tests, group.StrictTests...) {
		name := group.ID() + " " + test.Desc
		asked++
		switch r := test.Result; {
		case r == nil:
			t.Errorf("%s: not asked", name)
		case exceptions[name] != "" && !r.Failed && !r.Skipped:
			t.Errorf("%s: passes, and is an exception", name)
		case exceptions[name] == "" && (r.Failed || r.Skipped):
			t.Errorf("%s: %s\n%v", name, test.Requirement, r.Error)
		}
	}
	for _, g := range group.Groups {
		asked += judge(t, g)
	}
	return asked
}
