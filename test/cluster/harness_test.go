package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// root is the top of the tree.
const root = "../.."

// patience is how long a test waits for something that has to happen. The kubelet brings a
// changed ConfigMap to its pods within about two minutes.
const patience = 3 * time.Minute

// run runs a command with the given standard input and returns its standard output.
func run(stdin string, name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Dir = root
	c.Stdin = strings.NewReader(stdin)
	var out, problems bytes.Buffer
	c.Stdout, c.Stderr = &out, &problems
	if err := c.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, problems.String())
	}
	return out.String(), nil
}

// kubectl is run with the cluster's client; it has to succeed.
func kubectl(t testing.TB, args ...string) string {
	t.Helper()
	return kubectlIn(t, "", args...)
}

func kubectlIn(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	out, err := run(stdin, "kubectl", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// eventually waits until f reports true.
func eventually(t testing.TB, what string, f func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		if time.Since(began) > patience {
			t.Fatalf("%s: not within %s", what, patience)
		}
		<-tick.C
	}
	return time.Since(began)
}

// needCluster skips unless the tests were told that the cluster is theirs.
func needCluster(t *testing.T) {
	t.Helper()
	if os.Getenv("WAFER_TEST_CLUSTER") == "" {
		t.Skip("SKIPPED: no cluster. KUBECONFIG=… make e2e runs this")
	}
}

// load brings the images to the cluster's nodes with the command in WAFER_TEST_LOAD; without
// one they are there already.
func load(t *testing.T) {
	t.Helper()
	command := strings.Fields(os.Getenv("WAFER_TEST_LOAD"))
	if len(command) == 0 {
		t.Log("WAFER_TEST_LOAD is not set: the nodes have wafer:dev and wafer-actor:dev")
		return
	}
	for _, archive := range []string{"dist/wafer.tar", "dist/actor.tar"} {
		path, err := filepath.Abs(filepath.Join(root, archive))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := run("", command[0], append(command[1:], path)...); err != nil {
			t.Fatal(err)
		}
	}
}

// namespace is one namespace of the cluster, with a pod "client" in it to ask from.
type namespace string

// open waits for the client, which is made if need be.
func (n namespace) open(t *testing.T) {
	t.Helper()
	kubectl(t, "apply", "-n", string(n), "-f", "test/cluster/testdata/client.yaml")
	kubectl(t, "wait", "-n", string(n), "--for=condition=Ready", "pod/client", "--timeout=60s")
}

// get asks once from the client and returns status and body.
func (n namespace) get(t testing.TB, url string) (status, body string) {
	t.Helper()
	out, err := n.try(url)
	if err != nil {
		t.Fatal(err)
	}
	status, body, _ = strings.Cut(out, "\n")
	return status, body
}

func (n namespace) try(url string) (string, error) {
	return run("", "kubectl", "exec", "-n", string(n), "client", "--", "/actor", "get", url)
}

// want asks until the answer has the status: Services follow their pods with a delay.
func (n namespace) want(t testing.TB, url, status string) {
	t.Helper()
	last := ""
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		out, err := n.try(url)
		if first, _, _ := strings.Cut(out, "\n"); err == nil && first == status {
			return
		}
		last = fmt.Sprint(out, err)
	}
	t.Fatalf("%s: want status %s, have %s", url, status, last)
}

// report is what "actor ask" prints.
type report struct {
	Asked    int            `json:"asked"`
	Failed   int            `json:"failed"`
	Statuses map[string]int `json:"statuses"`
	Errors   []string       `json:"errors"`
	Slowest  string         `json:"slowest"`
	Seconds  float64        `json:"seconds"`
}

func (r report) String() string {
	return fmt.Sprintf("%d requests in %.0f s, %d failed, slowest %s", r.Asked, r.Seconds, r.Failed, r.Slowest)
}

// keepAsking asks from the client until the returned function is called.
func (n namespace) keepAsking(t *testing.T, args ...string) (stop func() report) {
	t.Helper()
	c := exec.Command("kubectl", append([]string{"exec", "-i", "-n", string(n), "client", "--", "/actor", "ask"}, args...)...)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	c.Stdout, c.Stderr = &out, &problems
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	finish := func() error {
		ended = true
		_ = in.Close() // it may have given up already, which Wait tells
		return c.Wait()
	}
	t.Cleanup(func() {
		if !ended {
			_ = finish() // the test has failed elsewhere
		}
	})
	return func() report {
		t.Helper()
		if err := finish(); err != nil {
			t.Fatalf("client: %v\n%s", err, problems.String())
		}
		var r report
		if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			t.Fatalf("client said %q: %v", out.String(), err)
		}
		return r
	}
}

// unharmed demands that no request failed, and that there were enough to tell.
func (r report) unharmed(t *testing.T) {
	t.Helper()
	t.Log(r)
	if r.Failed > 0 {
		t.Errorf("%d of %d requests failed:\n%s", r.Failed, r.Asked, strings.Join(r.Errors, "\n"))
	}
	if r.Asked < 200 {
		t.Errorf("only %d requests: nothing is shown", r.Asked)
	}
}

// pods are the names and addresses of the pods with a label that run and are not on their way
// out.
func (n namespace) pods(t testing.TB, label string) map[string]string {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name              string
				DeletionTimestamp string
			}
			Status struct{ Phase, PodIP string }
		}
	}
	if err := json.Unmarshal([]byte(kubectl(t, "get", "pods", "-n", string(n), "-l", label, "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, p := range list.Items {
		if p.Status.Phase == "Running" && p.Metadata.DeletionTimestamp == "" {
			found[p.Metadata.Name] = p.Status.PodIP
		}
	}
	return found
}

// tier is the label of the tier's pods.
const tier = "app.kubernetes.io/name=wafer"

// metric is a series as /metrics prints it, of each of the tier's pods. A series whose labels
// are cut off after the first brace stands for the first that begins like that.
func (n namespace) metric(t testing.TB, series string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for pod, ip := range n.pods(t, tier) {
		_, text := n.get(t, "http://"+ip+":9090/metrics")
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, series); ok {
				found[pod] = strings.TrimSpace(rest)
				break
			}
		}
	}
	return found
}

// all reports whether every pod has the value.
func all(values map[string]string, want string) bool {
	for _, v := range values {
		if v != want {
			return false
		}
	}
	return len(values) > 0
}

// rollout waits until a Deployment is as it should be.
func (n namespace) rollout(t *testing.T, name string) {
	t.Helper()
	kubectl(t, "rollout", "status", "-n", string(n), "deployment/"+name, "--timeout=180s")
}
