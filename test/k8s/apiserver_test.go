package k8s

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/k8s"
)

// cases are the golden cases of "wafer k8s protect".
const cases = "../../cmd/wafer/testdata/protect"

// readyTimeout is how long the API server may take until it answers.
const readyTimeout = 2 * time.Minute

// asset finds a program of the control plane in KUBEBUILDER_ASSETS or on the PATH.
func asset(name string) (string, error) {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return file, nil
		}
	}
	return exec.LookPath(name)
}

// cluster is an API server with its etcd and nothing else: objects are checked, defaulted and
// stored, and nobody acts on them.
type cluster struct {
	kubectlPath, kubeconfig string
}

// start runs a process until the test ends.
func start(t *testing.T, log string, path string, args ...string) {
	t.Helper()
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(path, args...)
	c.Stdout, c.Stderr = out, out
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended by itself
		_ = c.Wait()
		out.Close()
		if text, err := os.ReadFile(log); err == nil && t.Failed() {
			t.Logf("the end of %s:\n%s", log, text[max(0, len(text)-2000):])
		}
	})
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	paths := map[string]string{}
	for _, name := range []string{"etcd", "kube-apiserver", "kubectl"} {
		path, err := asset(name)
		if err != nil {
			t.Skipf("NOT TESTED against a real API server: %s is neither in KUBEBUILDER_ASSETS nor on the PATH", name)
		}
		paths[name] = path
	}
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sa := file("sa.key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	tokens := file("tokens.csv", []byte("test,admin,1,system:masters\n"))
	client, peer, api := closed(t, "127.0.0.1"), closed(t, "127.0.0.1"), closed(t, "127.0.0.1")
	_, port, _ := net.SplitHostPort(api)
	start(t, filepath.Join(dir, "etcd.log"), paths["etcd"], "--data-dir", filepath.Join(dir, "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls", "http://"+client, "--advertise-client-urls", "http://"+client, "--listen-peer-urls", "http://"+peer,
		"--initial-advertise-peer-urls", "http://"+peer, "--initial-cluster", "default=http://"+peer)
	start(t, filepath.Join(dir, "apiserver.log"), paths["kube-apiserver"], "--etcd-servers", "http://"+client,
		"--bind-address", "127.0.0.1", "--secure-port", port, "--cert-dir", dir, "--token-auth-file", tokens, "--authorization-mode", "RBAC",
		"--service-account-issuer", "https://127.0.0.1", "--service-account-key-file", sa, "--service-account-signing-key-file", sa,
		"--service-cluster-ip-range", "10.0.0.0/16,fd00::/108", "--disable-admission-plugins", "ServiceAccount")
	c := &cluster{kubectlPath: paths["kubectl"], kubeconfig: file("kubeconfig", []byte(fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c",
"clusters":[{"name":"c","cluster":{"server":"https://%s","insecure-skip-tls-verify":true}}],
"users":[{"name":"u","user":{"token":"test"}}],"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}]}`, api)))}
	ctx, cancel := context.WithTimeout(t.Context(), readyTimeout)
	defer cancel()
	for {
		if _, err := c.kubectl(ctx, "", "get", "--raw", "/readyz"); err == nil {
			return c
		}
		select {
		case <-ctx.Done():
			t.Fatal("the API server does not get ready")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// kubectl runs kubectl; the error holds what it says.
func (c *cluster) kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	k := exec.CommandContext(ctx, c.kubectlPath, append([]string{"--kubeconfig", c.kubeconfig}, args...)...)
	var out, errs bytes.Buffer
	k.Stdin, k.Stdout, k.Stderr = strings.NewReader(stdin), &out, &errs
	if err := k.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

func (c *cluster) must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := c.kubectl(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// spec is the part of a Service in which a wrong apply shows.
type spec struct {
	Selector map[string]string
	Ports    []struct {
		Port       int
		TargetPort any
	}
	ClusterIP, Type string
	NotReady        bool `json:"publishNotReadyAddresses"`
}

func (c *cluster) service(t *testing.T, namespace, name string) spec {
	t.Helper()
	var s struct{ Spec spec }
	if err := json.Unmarshal([]byte(c.must(t, "", "get", "service", "-n", namespace, name, "-o", "json")), &s); err != nil {
		t.Fatal(err)
	}
	return s.Spec
}

// serverFields cannot be in what is created.
var serverFields = regexp.MustCompile(`(?m)^ *(resourceVersion|uid|creationTimestamp): .*\n`)

// create makes the objects of a case as somebody else might have: without kubectl apply, whose
// memory of what it put there would hide a selector that is merged.
func (c *cluster) create(t *testing.T, in string) {
	t.Helper()
	c.must(t, in, "create", "-f", "-")
}

// TestProtectOnAnAPIServer applies each case for real, and its way back.
func TestProtectOnAnAPIServer(t *testing.T) {
	c := startCluster(t)
	c.gatewayAPI(t)
	for _, ns := range []string{"shop", "other", "wafer"} {
		c.must(t, "", "create", "namespace", ns)
	}
	all, err := filepath.Glob(filepath.Join(cases, "*", "in.yaml"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	applied := 0
	for _, file := range all {
		dir := filepath.Dir(file)
		args, err := os.ReadFile(filepath.Join(dir, "args"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		flags := strings.Fields(strings.ReplaceAll(string(args), "DIR", dir))
		if slices.ContainsFunc(flags, func(f string) bool { return f == "--undo" || f == "--output" || f == "--phase" }) {
			continue // the same manifests as another case
		}
		out, err := os.ReadFile(filepath.Join(dir, "out.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if len(out) == 0 {
			continue
		}
		applied++
		t.Run(filepath.Base(dir), func(t *testing.T) { insertion(t, c, file, string(out), flags) })
	}
	if applied < 10 {
		t.Errorf("only %d cases were applied", applied)
	}
}

// insertion is one case, in the order of its steps: as it was, in front, in front again, as it was.
func insertion(t *testing.T, c *cluster, file, out string, flags []string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in := serverFields.ReplaceAllString(string(text), "")
	var objects k8s.Objects
	if err := objects.Read(file, strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	c.create(t, in)
	t.Cleanup(func() {
		for _, stdin := range []string{in, out} {
			_, _ = c.kubectl(context.WithoutCancel(t.Context()), stdin, "delete", "--ignore-not-found", "--wait=false", "-f", "-") // the next case says what is left
		}
	})
	before := map[string]spec{}
	for _, s := range objects.Services {
		before[s.Namespace+"/"+s.Name] = c.service(t, s.Namespace, s.Name)
	}
	for range 2 { // the second time must change nothing
		c.must(t, out, "apply", "-f", "-")
		switched := 0
		for name, was := range before {
			ns, service, _ := strings.Cut(name, "/")
			is := c.service(t, ns, service)
			if is.Type == "ExternalName" || maps.Equal(is.Selector, was.Selector) {
				continue
			}
			switched++
			if want := map[string]string{"app.kubernetes.io/name": "wafer"}; !maps.Equal(is.Selector, want) || is.ClusterIP != was.ClusterIP || is.NotReady {
				t.Errorf("%s is now %+v, was %+v", name, is, was)
			}
			for _, p := range is.Ports {
				if p.TargetPort != "http" && !slices.Contains(flags, "--leave-port") && (p.TargetPort != "https" || !slices.Contains(flags, "--https-port")) {
					t.Errorf("%s: port %d leads to %v", name, p.Port, p.TargetPort)
				}
			}
			if origin := c.service(t, ns, service+"-origin"); !maps.Equal(origin.Selector, was.Selector) || len(origin.Ports) != len(was.Ports) {
				t.Errorf("%s-origin is %+v, want the selector and ports of %+v", name, origin, was)
			}
		}
		if switched == 0 && !slices.Contains(flags, "--external-name") {
			t.Error("no Service was switched")
		}
	}
	for _, step := range []struct{ phase, verb string }{{"open", "delete"}, {"switch", "apply"}, {"forget", "apply"}, {"clean", "delete"}} {
		_, undo, errs := command(t, nil, "", append([]string{"k8s", "protect", "-f", file, "--undo", "--phase", step.phase}, flags...)...)
		if undo == "" && step.phase != "forget" {
			t.Fatalf("--undo --phase %s prints nothing: %s", step.phase, errs)
		}
		if undo != "" {
			c.must(t, undo, step.verb, "-f", "-")
		}
	}
	for name, was := range before {
		ns, service, _ := strings.Cut(name, "/")
		if is := c.service(t, ns, service); !maps.Equal(is.Selector, was.Selector) || fmt.Sprint(is.Ports) != fmt.Sprint(was.Ports) || is.Type != was.Type {
			t.Errorf("after the way back %s is %+v, was %+v", name, is, was)
		}
		if _, err := c.kubectl(t.Context(), "", "get", "service", "-n", ns, service+"-origin"); err == nil && before[name+"-origin"].Type == "" {
			t.Errorf("after the way back %s-origin is still there", name)
		}
	}
}

// TestProtectFromACluster reads everything from the API and applies it server-side.
func TestProtectFromACluster(t *testing.T) {
	c := startCluster(t)
	text, err := os.ReadFile(filepath.Join(cases, "with-routes", "in.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c.must(t, "", "create", "namespace", "shop")
	c.create(t, string(text))
	env := []string{"KUBECONFIG=" + c.kubeconfig}
	protect := func(args ...string) string {
		t.Helper()
		code, out, errs := command(t, env, "", append([]string{"k8s", "protect", "orders", "-n", "shop", "--server-side", "--offline"}, args...)...)
		if code != 0 {
			t.Fatalf("exit %d: %s", code, errs)
		}
		return out
	}
	first := protect()
	was := c.service(t, "shop", "orders")
	if !strings.Contains(first, "- "+was.ClusterIP) {
		t.Errorf("the Service's address %s is no host of the route", was.ClusterIP)
	}
	c.must(t, first, "apply", "--server-side", "--force-conflicts", "-f", "-")
	if is := c.service(t, "shop", "orders"); !maps.Equal(is.Selector, map[string]string{"app.kubernetes.io/name": "wafer"}) || is.ClusterIP != was.ClusterIP {
		t.Errorf("orders is %+v, was %+v", is, was)
	}
	if second := protect(); second != first {
		t.Errorf("the second run prints\n%s\nand not\n%s", second, first)
	}
	c.must(t, protect("--undo", "--phase", "switch"), "apply", "--server-side", "--force-conflicts", "-f", "-")
	if is := c.service(t, "shop", "orders"); fmt.Sprint(is) != fmt.Sprint(was) {
		t.Errorf("after the way back orders is %+v, was %+v", is, was)
	}
	_, job, errs := command(t, nil, "", "k8s", "verify", "--job", "--image", "wafer:test", "-n", "shop", "--tier", "wafer.shop:8080")
	if errs != "" {
		t.Error(errs)
	}
	c.must(t, job, "apply", "--dry-run=server", "-f", "-")
}

// TestComponentOnAnAPIServer applies the component of a repository as tools do, on the client's side and
// on the server's. The second time changes nothing, and without the component all is as it was.
func TestComponentOnAnAPIServer(t *testing.T) {
	const with = "../../cmd/wafer/testdata/kustomize"
	c := startCluster(t)
	c.must(t, "", "create", "namespace", "shop")
	manifests := c.must(t, "", "kustomize", with)
	for name, flags := range map[string][]string{
		"client-side": nil, "server-side": {"--server-side", "--force-conflicts", "--field-manager=kustomize-controller"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() { c.must(t, manifests, "delete", "--ignore-not-found", "-f", "-") }()
			apply := func(manifests string) {
				c.must(t, manifests, append([]string{"apply", "-n", "shop", "-f", "-"}, flags...)...)
			}
			app, err := os.ReadFile(filepath.Join(with, "app.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			apply(string(app))
			was := c.service(t, "shop", "orders")
			var first spec
			for range 2 {
				apply(manifests)
				is := c.service(t, "shop", "orders")
				if !maps.Equal(is.Selector, map[string]string{"app.kubernetes.io/name": "wafer"}) || is.ClusterIP != was.ClusterIP || len(is.Ports) != len(was.Ports)-1 {
					t.Fatalf("orders is %+v, was %+v", is, was)
				}
				if first.Type != "" && fmt.Sprint(is) != fmt.Sprint(first) {
					t.Errorf("orders is %+v the second time, %+v the first", is, first)
				}
				first = is
			}
			apply(string(app))
			if is := c.service(t, "shop", "orders"); fmt.Sprint(is) != fmt.Sprint(was) {
				t.Errorf("without the component orders is %+v, was %+v", is, was)
			}
		})
	}
}
