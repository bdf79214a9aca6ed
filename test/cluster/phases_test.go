package cluster

import (
	"fmt"
	"strings"
	"testing"
)

// wafer runs the binary on this machine, which reads the cluster as kubectl does.
func wafer(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run("", "bin/wafer", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// phase prints one phase of the way in, or of the way back with "--undo".
func (n namespace) phase(name string, flags ...string) (string, error) {
	args := append([]string{"k8s", "protect", "-n", string(n), "--phase", name}, flags...)
	return run("", "bin/wafer", append(args, services...)...)
}

// protect carries one phase of the way in out.
func (n namespace) protect(t *testing.T, phase string, verb ...string) {
	t.Helper()
	out, err := n.phase(phase)
	if err != nil {
		t.Fatal(err)
	}
	kubectlIn(t, out, append(verb, "-f", "-")...)
}

// undo carries one phase of the way back out.
func (n namespace) undo(t *testing.T, phase string, verb ...string) {
	t.Helper()
	out, err := n.phase(phase, "--undo")
	if err != nil {
		t.Fatal(err)
	}
	kubectlIn(t, out, append(verb, "-f", "-")...)
}

// refused demands that a phase is refused for the reason, and that nothing is printed for kubectl.
func (n namespace) refused(t *testing.T, name, why string, flags ...string) {
	t.Helper()
	out, err := n.phase(name, flags...)
	if err == nil || out != "" || !strings.Contains(err.Error(), why) {
		t.Errorf("phase %s %v should be refused because %q, and it prints\n%s\n%v", name, flags, why, out, err)
	}
}

// status demands what "wafer k8s status" says: the same phase of all services, and what is wrong
// of one; empty: nothing is.
func (n namespace) status(t *testing.T, phase, wrong string) {
	t.Helper()
	out, err := run("", "bin/wafer", "k8s", "status", "-n", string(n))
	t.Logf("status:\n%s", out)
	if (err != nil) != (wrong != "") || !strings.Contains(out, wrong) {
		t.Errorf("status says %v, want %q", err, wrong)
	}
	for _, s := range services {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), fmt.Sprintf("%s/%s %s ", n, s, phase)) {
			t.Errorf("status does not say that %s is %s", s, phase)
		}
	}
}

func (n namespace) wait(t *testing.T, flags ...string) {
	t.Helper()
	wafer(t, append(append([]string{"k8s", "wait", "-n", string(n)}, flags...), services...)...)
}

// tooEarly asks for phases whose turn has not come. Whoever pipes that to kubectl applies nothing.
func tooEarly(t *testing.T) {
	three.refused(t, "switch", "no pod of a tier is ready")
	kubectl(t, "apply", "-k", "test/cluster/testdata/three-tier")
	three.rollout(t, "wafer")
	three.refused(t, "switch", "has no route")
	three.refused(t, "close", "does not lead to the tier")
}

func putInFront(t *testing.T) {
	stop := three.keepAsking(t, "http://www/")
	three.protect(t, "prepare", "apply")
	three.wait(t)
	three.status(t, "prepared", "")
	if out, err := three.verify(t); err == nil {
		t.Errorf("verify found nothing wrong with unprotected services:\n%s", out)
	} else {
		t.Logf("verify before the switch fails, as it should:\n%s", out)
	}
	three.protect(t, "switch", "apply")
	for _, s := range services {
		three.want(t, "http://"+s+"/"+injection, "403")
	}
	three.status(t, "switched", "")
	r := stop() // connections that were open have ended: the way around may be closed
	t.Log("a client kept asking while the tier was put in front:")
	r.unharmed(t)
}

// closedUnderLoad ends the connections that www keeps to the other two, as the documents say, and
// closes the way around while a client keeps asking.
func closedUnderLoad(t *testing.T) {
	kubectl(t, "rollout", "restart", "-n", string(three), "deployment/www")
	three.rollout(t, "www")
	three.want(t, "http://www/", "200")
	stop := three.keepAsking(t, "http://www/")
	three.protect(t, "close", "apply")
	three.refused(t, "switch", "keeps for the tier", "--undo")
	three.status(t, "closed", "")
	for _, s := range services {
		three.want(t, "http://"+s+"/"+injection, "403") // policies follow with a delay
	}
	t.Log("a client kept asking while the way around was closed:")
	stop().unharmed(t)
}

// appliedAgain is what happens when somebody applies the manifests that were there before the tier:
// callers suffer, status tells, and the switch repairs.
func appliedAgain(t *testing.T) {
	kubectl(t, "apply", "-f", "test/cluster/testdata/three.yaml")
	three.status(t, "broken", "the policy lets only the tier in")
	out := kubectl(t, "exec", "-n", string(three), "client", "--", "/actor", "ask", "-clients", "4", "-count", "1", "http://www/")
	t.Logf("a client that asks now: %s", strings.TrimSpace(out))
	three.protect(t, "switch", "apply")
	for _, s := range services {
		three.want(t, "http://"+s+"/"+injection, "403")
	}
	three.want(t, "http://www/", "200")
	three.status(t, "closed", "")
	stop := three.keepAsking(t, "http://www/")
	three.protect(t, "switch", "apply") // once more changes nothing
	three.protect(t, "close", "apply")
	t.Log("a client kept asking after the repair, while all was applied once more:")
	stop().unharmed(t)
}

// overlayAgain is the same with the tier's own overlay, which knows nothing of the routes.
func overlayAgain(t *testing.T) {
	kubectl(t, "apply", "-k", "test/cluster/testdata/three-tier")
	eventually(t, "the tier has lost its routes", func() bool {
		out, err := three.try("http://www/")
		return err == nil && strings.HasPrefix(out, "404")
	})
	three.status(t, "closed", "has no route")
	three.protect(t, "prepare", "apply")
	three.wait(t)
	three.want(t, "http://www/", "200")
	three.status(t, "closed", "")
}

// restarted shows that what was put in front holds while the tier itself is replaced.
func restarted(t *testing.T) {
	stop := three.keepAsking(t, "http://www/")
	kubectl(t, "rollout", "restart", "-n", string(three), "deployment/wafer")
	three.rollout(t, "wafer")
	stop().unharmed(t)
}

// takenAway goes the whole way back. Clients that keep their connections stay with the tier, until it
// is restarted: it asks them to come back elsewhere.
func takenAway(t *testing.T, was map[string]string) {
	stop := three.keepAsking(t, "http://www/")
	three.refused(t, "switch", "keeps for the tier", "--undo")
	three.refused(t, "forget", "still leads to the tier", "--undo")
	three.refused(t, "clean", "still leads to the tier", "--undo")
	three.undo(t, "open", "delete")
	three.undo(t, "switch", "apply")
	three.want(t, "http://www/"+injection, "200")
	kubectl(t, "rollout", "restart", "-n", string(three), "deployment/wafer")
	three.rollout(t, "wafer")
	three.undo(t, "forget", "apply")
	three.undo(t, "clean", "delete")
	t.Log("a client kept asking while the tier was taken away:")
	stop().unharmed(t)
	three.unchanged(t, was)
}

// unchanged demands that nothing is left of the tier at the services.
func (n namespace) unchanged(t *testing.T, was map[string]string) {
	t.Helper()
	for s, is := range n.specs(t) {
		if is != was[s] {
			t.Errorf("after the way back %s is\n%s\nand was\n%s", s, is, was[s])
		}
		if mark := kubectl(t, "get", "service", "-n", string(n), s, "-o", `jsonpath={.metadata.annotations.wafer-waf\.github\.io/origin}`); mark != "" {
			t.Errorf("%s still says that it leads to the tier", s)
		}
	}
	if left := kubectl(t, "get", "services,networkpolicies", "-n", string(n), "-l", "wafer-waf.github.io/protects", "-o", "name"); left != "" {
		t.Errorf("after the way back there is still %s", left)
	}
}
