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

// threeServices puts the tier in front of services that talk to each other, has old manifests applied
// again, and takes the tier away, each time while a client keeps asking.
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
	was := three.specs(t)
	inOrder(t, []part{
		{"all attacks arrive without the tier", allArrive},
		{"a switch too early is refused", tooEarly},
		{"put in front under load", putInFront},
		{"closed under load", closedUnderLoad},
		{"no attack arrives with the tier", noneArrives},
		{"a deleted policy is noticed", policyDeleted},
		{"old manifests applied again", appliedAgain},
		{"an old overlay applied again", overlayAgain},
		{"a restart of the tier while protected", restarted},
		{"taken away under load", func(t *testing.T) { takenAway(t, was) }},
		{"from a repository", func(t *testing.T) { fromRepository(t, was) }},
	})
}

// specs are the Services as they were made, without what an API server adds by itself.
func (n namespace) specs(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, s := range services {
		found[s] = kubectl(t, "get", "service", "-n", string(n), s, "-o", "jsonpath={.spec}")
	}
	return found
}

// allArrive makes sure that the count of attacks is worth something.
func allArrive(t *testing.T) {
	sent := three.attack(t)
	arrived := three.counted(t)
	t.Logf("without the tier: %d attacks sent, %d arrived at the applications", sent, arrived)
	if arrived < sent {
		t.Errorf("only %d of %d attacks arrived without the tier: the count is worth nothing", arrived, sent)
	}
}

func noneArrives(t *testing.T) {
	before := three.counted(t)
	three.want(t, "http://www/", "200") // www → tier → auth, www → tier → db
	sent := three.attack(t)
	arrived := three.counted(t) - before
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
	// The same as a CronJob, run once out of turn.
	kubectlIn(t, wafer(t, "k8s", "verify", "--job", "--image", "wafer:dev", "-n", string(three), "--schedule", "*/15 * * * *"), "apply", "-f", "-")
	kubectl(t, "create", "job", "-n", string(three), "wafer-verify", "--from=cronjob/wafer-verify")
	if out, err := three.ended(t); err != nil {
		t.Errorf("the CronJob's verify: %v\n%s", err, out)
	}
	kubectl(t, "delete", "cronjob", "-n", string(three), "wafer-verify")
}

func policyDeleted(t *testing.T) {
	kubectl(t, "delete", "networkpolicy", "-n", string(three), "-l", "wafer-waf.github.io/protects=db")
	eventually(t, "verify catches the open origin", func() bool {
		out, err := three.verify(t)
		if err != nil {
			t.Logf("verify without db's policy:\n%s", out)
		}
		return err != nil && strings.Contains(out, "db")
	})
	three.protect(t, "close", "apply")
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

// verify runs "wafer k8s verify" as a Job and returns the table that it printed, and an error if
// a line of it failed.
func (n namespace) verify(t *testing.T) (string, error) {
	t.Helper()
	job := wafer(t, "k8s", "verify", "--job", "--image", "wafer:dev", "-n", string(n))
	kubectlIn(t, job, "apply", "-f", "-")
	return n.ended(t)
}

// ended waits for the Job of verify, and takes it away.
func (n namespace) ended(t *testing.T) (string, error) {
	t.Helper()
	defer kubectl(t, "delete", "job", "-n", string(n), "wafer-verify")
	how := ""
	eventually(t, "the end of the Job", func() bool {
		how = kubectl(t, "get", "job", "-n", string(n), "wafer-verify", "-o", `jsonpath={.status.conditions[?(@.status=="True")].type}`)
		return strings.Contains(how, "Complete") || strings.Contains(how, "Failed")
	})
	out := kubectl(t, "logs", "-n", string(n), "job/wafer-verify")
	if strings.Contains(how, "Complete") {
		return out, nil
	}
	return out, fmt.Errorf("the Job ended as %s", how)
}
