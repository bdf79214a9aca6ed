package cluster

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// three is where three small services call each other: www asks auth and db.
const three namespace = "wafer-e2e-three"

var services = []string{"www", "auth", "db"}

// threeServices puts the tier in front of services that talk to each other, takes it away
// again, and attacks them from outside and from inside in each state.
func threeServices(t *testing.T) {
	kubectl(t, "apply", "-f", "test/cluster/testdata/three.yaml")
	t.Cleanup(func() {
		if !t.Failed() {
			kubectl(t, "delete", "namespace", string(three), "--wait=false")
		}
	})
	for _, s := range services {
		three.rollout(t, s)
	}
	three.open(t)
	three.want(t, "http://www/", "200")

	// Without the tier every attack arrives, and each that www gets goes on to auth and db.
	sent := three.attack(t)
	arrived := three.counted(t)
	t.Logf("without the tier: %d attacks sent, %d arrived at the applications", sent, arrived)
	if arrived < sent {
		t.Errorf("only %d of %d attacks arrived without the tier: the count is worth nothing", arrived, sent)
	}

	// The tier comes, and is put in front while a client keeps asking.
	kubectl(t, "apply", "-k", "test/cluster/testdata/three-tier")
	three.rollout(t, "wafer")
	stop := three.keepAsking(t, "http://www/")
	before := three.metric(t, digest)
	three.protect(t, "prepare", "apply")
	eventually(t, "the routes on all pods", func() bool {
		after := three.metric(t, digest)
		for pod, d := range before {
			if after[pod] == d || after[pod] == "" {
				return false
			}
		}
		return true
	})
	if out, err := three.verify(t); err == nil {
		t.Errorf("verify found nothing wrong with unprotected services:\n%s", out)
	} else {
		t.Logf("verify before the switch fails, as it should:\n%s", out)
	}
	three.protect(t, "switch", "apply")
	for _, s := range services {
		three.want(t, "http://"+s+"/"+injection, "403")
	}
	r := stop() // connections that were open have ended: the way around may be closed
	t.Log("a client kept asking while the tier was put in front:")
	r.unharmed(t)
	three.protect(t, "close", "apply")

	before2 := three.counted(t)
	three.want(t, "http://www/", "200") // www → tier → auth, www → tier → db
	sent = three.attack(t)
	arrived = three.counted(t) - before2
	t.Logf("with the tier: %d attacks sent, %d arrived at the applications", sent, arrived)
	if arrived != 0 {
		t.Errorf("%d attacks arrived in spite of the tier", arrived)
	}
	eventually(t, "verify finds nothing left open", func() bool {
		out, err := three.verify(t)
		if err == nil {
			t.Logf("verify after all phases:\n%s", out)
		}
		return err == nil
	})

	// Somebody deletes a policy, and verify notices.
	kubectl(t, "delete", "networkpolicy", "-n", string(three), "-l", "wafer-waf.github.io/protects=db")
	eventually(t, "verify catches the open origin", func() bool {
		out, err := three.verify(t)
		if err != nil {
			t.Logf("verify without db's policy:\n%s", out)
		}
		return err != nil && strings.Contains(out, "db")
	})

	// And the way back.
	stop = three.keepAsking(t, "http://www/")
	three.undo(t, "open", "delete", "--ignore-not-found")
	three.undo(t, "switch", "apply")
	three.want(t, "http://www/"+injection, "200")
	t.Log("a client kept asking while the tier was taken away:")
	stop().unharmed(t)
}

// attack sends attacks from the client to www, and from www to the services behind it, as
// somebody who has taken www over would. It returns how many.
func (n namespace) attack(t *testing.T) int {
	t.Helper()
	const clients, count = 5, 20
	kubectl(t, "exec", "-n", string(n), "client", "--", "/actor", "ask", "-clients", fmt.Sprint(clients), "-count", fmt.Sprint(count), "-want", "200,403", "http://www/"+injection)
	for _, s := range []string{"auth", "db"} {
		kubectl(t, "exec", "-n", string(n), "deployment/www", "--", "/actor", "ask", "-clients", fmt.Sprint(clients), "-count", fmt.Sprint(count), "-want", "200,403", "http://"+s+"/"+script)
	}
	return 3 * clients * count
}

// counted is how many attacks all pods of the three services have seen, by their own account.
func (n namespace) counted(t *testing.T) int {
	t.Helper()
	sum := 0
	for _, s := range services {
		for pod := range n.pods(t, "app="+s) {
			out := kubectl(t, "exec", "-n", string(n), pod, "--", "/actor", "get", "http://127.0.0.1:8080/counts")
			_, body, _ := strings.Cut(out, "\n")
			var c struct{ Attacks int }
			if err := json.Unmarshal([]byte(body), &c); err != nil {
				t.Fatalf("%s said %q: %v", pod, out, err)
			}
			sum += c.Attacks
		}
	}
	return sum
}

// wafer runs the binary on this machine, which reads the cluster as kubectl does.
func wafer(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run("", "bin/wafer", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// protect carries one phase of the insertion out.
func (n namespace) protect(t *testing.T, phase string, verb ...string) {
	t.Helper()
	out := wafer(t, append([]string{"k8s", "protect", "-n", string(n), "--phase", phase}, services...)...)
	kubectlIn(t, out, append(verb, "-f", "-")...)
}

// verify runs "wafer k8s verify" as a Job and returns the table that it printed, and an error if
// a line of it failed.
func (n namespace) verify(t *testing.T) (string, error) {
	t.Helper()
	job := wafer(t, "k8s", "verify", "--job", "--image", "wafer:dev", "-n", string(n))
	kubectlIn(t, job, "apply", "-f", "-")
	defer kubectl(t, "delete", "job", "-n", string(n), "wafer-verify")
	ended := ""
	eventually(t, "the end of the Job", func() bool {
		ended = kubectl(t, "get", "job", "-n", string(n), "wafer-verify", "-o", `jsonpath={.status.conditions[?(@.status=="True")].type}`)
		return strings.Contains(ended, "Complete") || strings.Contains(ended, "Failed")
	})
	out := kubectl(t, "logs", "-n", string(n), "job/wafer-verify")
	if strings.Contains(ended, "Complete") {
		return out, nil
	}
	return out, fmt.Errorf("the Job ended as %s", ended)
}

func (n namespace) undo(t *testing.T, phase string, verb ...string) {
	t.Helper()
	out := wafer(t, append([]string{"k8s", "protect", "-n", string(n), "--undo", "--phase", phase}, services...)...)
	kubectlIn(t, out, append(verb, "-f", "-")...)
}
