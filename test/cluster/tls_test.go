package cluster

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/certs"
)

// secure is where a service speaks TLS.
const secure namespace = "wafer-e2e-tls"

// secret makes a Secret with these files.
func (n namespace) secret(t *testing.T, name string, files map[string][]byte) {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]string{"name": name, "namespace": string(n)}, "data": files,
	})
	if err != nil {
		t.Fatal(err)
	}
	kubectlIn(t, string(text), "apply", "-f", "-")
}

// portsWithTLS puts the tier in front of a service that speaks TLS, and takes it away, while a client keeps asking.
func portsWithTLS(t *testing.T) {
	kubectl(t, "apply", "-f", "test/cluster/testdata/tls.yaml")
	t.Cleanup(func() {
		if !t.Failed() {
			kubectl(t, "delete", "namespace", string(secure), "--wait=false")
		}
	})
	ca := certs.Authority(t, "e2e")
	names := certs.Of{DNS: []string{"pay", "pay.wafer-e2e-tls", "pay.wafer-e2e-tls.svc", "pay.wafer-e2e-tls.svc.cluster.local"}, Server: true}
	application, tier, client := ca.Issue(t, names), ca.Issue(t, names), ca.Issue(t, certs.Of{DNS: []string{"wafer"}})
	secure.secret(t, "pay-tls", map[string][]byte{"tls.crt": application.Cert(), "tls.key": application.PrivateKey()})
	secure.secret(t, "wafer-tls", map[string][]byte{"tls.crt": tier.Cert(), "tls.key": tier.PrivateKey()})
	secure.secret(t, "wafer-upstream", map[string][]byte{"ca.crt": ca.Cert(), "tls.crt": client.Cert(), "tls.key": client.PrivateKey()})
	kubectl(t, "apply", "-k", "test/cluster/testdata/tls-tier")
	secure.rollout(t, "pay")
	secure.rollout(t, "wafer")
	secure.open(t)
	secure.want(t, "https://pay/"+injection, "200")

	if out, err := run("", "bin/wafer", "k8s", "protect", "-n", string(secure), "pay"); err == nil || !strings.Contains(err.Error(), "--https-port https") {
		t.Errorf("protect does not ask about a port with TLS: %v\n%s", err, out)
	}
	protect := func(verb string, args ...string) {
		t.Helper()
		kubectlIn(t, wafer(t, append([]string{"k8s", "protect", "-n", string(secure), "pay", "--https-port", "https", "--upstream-ca", "/etc/wafer/upstream/ca.crt"}, args...)...), verb, "-f", "-")
	}
	stop := secure.keepAsking(t, "https://pay/")
	protect("apply", "--phase", "prepare")
	wafer(t, "k8s", "wait", "-n", string(secure), "pay", "--https-port", "https")
	protect("apply", "--phase", "switch")
	secure.want(t, "https://pay/"+injection, "403")
	t.Log("a client kept asking by TLS while the tier was put in front:")
	stop().unharmed(t)
	protect("apply", "--phase", "close")
	out, err := secure.verify(t)
	t.Logf("verify by TLS:\n%s", out)
	if err != nil || !strings.Contains(out, "https://pay.wafer-e2e-tls.svc.cluster.local:443/") {
		t.Errorf("verify: %v", err)
	}

	stop = secure.keepAsking(t, "https://pay/")
	protect("delete", "--undo", "--phase", "open")
	protect("apply", "--undo", "--phase", "switch")
	secure.want(t, "https://pay/"+injection, "200")
	t.Log("a client kept asking by TLS while the tier was taken away:")
	stop().unharmed(t)
}
