package e2e

import (
	"bytes"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// command runs the binary to its end.
func command(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), tier.Binary(t), args...)
	var out, err bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &err
	_ = c.Run() // the exit code says it
	return c.ProcessState.ExitCode(), out.String(), err.String()
}

func TestCommands(t *testing.T) {
	t.Parallel()
	good := tier.RouteFile(t, `
routes:
  - { id: shop, hosts: [shop.test], policy: shop, upstreams: [{ id: a }] }
  - { id: api, hosts: [shop.test], paths: [{ prefix: /api }], methods: [POST], policy: open, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["http://a.invalid:80"] }
policies:
  - { id: base, thresholds: { inbound: 4 } }
  - { id: shop, inherits: base, paranoia: { blocking: 2 } }
  - { id: open, mode: off }
`)
	open := tier.RouteFile(t, `
routes:
  - { id: all, hosts: [shop.test], upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["http://a.invalid:80"] }
`+off)
	bad := tier.RouteFile(t, `
routes:
  - id: shop
    hosts: [shop..test]
    policy: nosuch
    upstreams: [{ id: b }]
    timeouts: { request: 5 }
upstreams:
  - { id: a, endpoints: ["ftp://a.invalid"] }
policies:
  - { id: shop, mode: blok }
surprise: true
`)
	rule := tier.RouteFile(t, `
routes:
  - { id: shop, policy: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["http://a.invalid:80"] }
policies:
  - id: shop
    rules_after:
      - inline: SecRule ARGS "@nosuch x" "id:1,phase:1,pass"
    exclusions:
      - { rule: 123, reason: mistyped }
`)
	busy, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	missing := filepath.Join(t.TempDir(), "none.yaml")

	f := func(name string, wantCode int, want []string, stdin string, args ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := command(t, stdin, args...)
			if code != wantCode {
				t.Errorf("exit code %d, want %d\n%s%s", code, wantCode, stdout, stderr)
			}
			said, quiet := stdout, stderr
			if wantCode != 0 {
				said, quiet = stderr, stdout
			}
			said = strings.Join(strings.Fields(said), " ")
			for _, w := range want {
				if !strings.Contains(said, w) {
					t.Errorf("does not say %q:\n%s", w, said)
				}
			}
			if quiet != "" {
				t.Errorf("says on the other output: %s", quiet)
			}
		})
	}
	f("check good", 0, []string{good + ": ok: 2 routes, 1 upstreams", "policy shop: block,", "used by 1 routes", "policy open: off, 0 rules"}, "", "check", good)
	f("check bad", 1, []string{
		bad + ":4: routes[0].hosts[0]: ", bad + ":5: routes[0].policy: ", bad + ":6: routes[0].upstreams[0].id: ",
		bad + ":7: routes[0].timeouts.request: ", bad + ":9: upstreams[0].endpoints[0]: ", bad + ":11: policies[0].mode: ",
		`did you mean "block"`, bad + ":12: surprise: ",
	}, "", "check", bad)
	f("check a rule that does not compile", 1, []string{rule + ":", "policies[0].rules_after[0]", "there is no operator @nosuch", "policies[0].exclusions[0].rule: there is no rule 123"}, "", "check", rule)
	f("check nothing", 1, []string{"give a file: wafer check FILE..., or - for standard input"}, "", "check")
	f("check a missing file", 1, []string{missing, "no such file"}, "", "check", missing)

	f("version", 0, []string{"wafer dev", "coraza v3.", "coreruleset v4.", "go1."}, "", "version")
	f("serve nothing", 1, []string{"--routes FILE", "--to http://host:port"}, "", "serve")
	f("serve two things", 1, []string{"--routes and --to exclude each other"}, "", "serve", "--routes", good, "--to", "http://127.0.0.1:1")
	f("serve with an unknown flag", 1, []string{"unknown flag: --port"}, "", "serve", "--port", "80")
	f("unknown command", 1, []string{`"sevre"`}, "", "sevre")
	f("serve without a flag", 1, []string{`takes no argument "routes.yaml": write --routes routes.yaml`}, "", "serve", "routes.yaml")
	f("serve a backend without a flag", 1, []string{"write --to http://a:1"}, "", "serve", "http://a:1")
	f("import without a flag", 1, []string{"write -f in.yaml"}, "", "k8s", "import-ingress-nginx", "in.yaml")
	f("import of nothing known", 1, []string{`did you mean "modsecurity"?`}, "", "import", "modsec")
	f("explain without routes", 1, []string{"the route file comes first: wafer explain ROUTES"}, "", "explain", "http://a/")
	f("explain a path without its slash", 1, []string{"write /login"}, "", "explain", good, "--host", "a", "--path", "login")
	f("explain with a port of a client", 1, []string{"--client", "is no address", "without a port"}, "", "explain", good, "http://a/", "--client", "192.0.2.1:80")
	f("serve a missing file", 1, []string{missing, "no such file"}, "", "serve", "--routes", missing, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	f("serve on a used port", 1, []string{"traffic listener: ", busy.Addr().String(), "address already in use"}, "",
		"serve", "--routes", open, "--listen", busy.Addr().String(), "--admin", "127.0.0.1:0", "--log-level", "error")
	f("administer on a used port", 1, []string{"admin listener: ", busy.Addr().String(), "address already in use"}, "",
		"serve", "--routes", open, "--admin", busy.Addr().String(), "--listen", "127.0.0.1:0", "--log-level", "error")
}

// What a shell asks when somebody presses the tabulator key.
func TestCompletion(t *testing.T) {
	t.Parallel()
	f := func(want string, args ...string) {
		t.Helper()
		code, stdout, stderr := command(t, "", append([]string{"__complete"}, args...)...)
		got, _, _ := strings.Cut(stdout, "\n:")
		if got = strings.Join(strings.Fields(got), " "); code != 0 || got != want {
			t.Errorf("%q: %d %q, want %q\n%s", args, code, got, want, stderr)
		}
	}
	f("debug info warn error", "serve", "--log-level", "")
	f("auto json console", "serve", "--log-format", "")
	f("all off", "serve", "--log-access", "")
	f("on off", "serve", "--proxy-protocol", "")
	f("yaml yml", "serve", "--routes", "")
	f(":4", "serve", "--listen", "") // no files
	f("yaml yml", "check", "")
	f("text json", "explain", "routes.yaml", "--output", "")
	f("prepare switch close", "k8s", "protect", "--phase", "")
	f("manifests routes merged-routes kustomize", "k8s", "protect", "--output", "")
	if code, stdout, _ := command(t, "", "--help"); code != 0 || !strings.Contains(stdout, "completion ") {
		t.Errorf("--help does not tell of it:\n%s", stdout)
	}
}
