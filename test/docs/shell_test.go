package docs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/cmd/wafer/demo"
	"github.com/wafer-waf/wafer/test/tier"
)

// patience is how long the commands of a block may take.
const patience = 5 * time.Minute

// complaint is the request id that docs/operations.md takes for an example.
const complaint = "0197f2c4-8a51-7c3e-9d5b-0b8e3f6a2d11"

// sandbox is the folder that the commands of a document run in: the tree as whoever reads has it, with
// stand-ins for what would build it anew, and for a cluster.
type sandbox struct {
	t       *testing.T // the document's: what it needs runs until its end
	dir     string
	worlds  map[string]*tier.Tier
	cluster *cluster
	env     []string
}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := &sandbox{t: t, dir: t.TempDir(), worlds: map[string]*tier.Tier{}}
	tree, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"manifests", "charts", "examples", "docs", "Makefile", "go.mod", "waf", "test", "CHANGELOG.md"} {
		must(os.Symlink(filepath.Join(tree, name), filepath.Join(s.dir, name)))
	}
	self, err := os.Executable()
	must(err)
	stands := filepath.Join(s.dir, ".stand-ins")
	for _, dir := range []string{stands, filepath.Join(s.dir, "bin"), filepath.Join(s.dir, "dist")} {
		must(os.Mkdir(dir, 0o700))
	}
	for name := range standIns {
		must(os.Symlink(self, filepath.Join(stands, name)))
	}
	must(os.Symlink(self, filepath.Join(s.dir, "bin", "wafer")))
	must(os.CopyFS(s.dir, os.DirFS("testdata/files"))) // what documents take a reader to have
	s.cluster = newCluster(t)
	must(os.WriteFile(filepath.Join(s.dir, ".kubeconfig"), s.cluster.kubeconfig(), 0o600))
	s.env = append(os.Environ(),
		"PATH="+stands+":"+os.Getenv("PATH"), "HOME="+s.dir, "CURL_HOME="+s.dir, "KUBECONFIG="+filepath.Join(s.dir, ".kubeconfig"),
		standInTree+"="+tree, standInBinary+"="+tier.PlainBinary(t), standInCluster+"="+s.cluster.url,
		standInEvents+"="+filepath.Join(s.dir, ".events"), "MAKEFLAGS=", "MAKELEVEL=")
	return s
}

// help returns the help of a command of wafer, and nothing if there is no such command.
func (s *sandbox) help(path []string) string {
	c := exec.Command(filepath.Join(s.dir, "bin", "wafer"), append(path, "--help")...)
	c.Env = s.env
	out, err := c.CombinedOutput()
	if _, usage, ok := strings.Cut(string(out), "Usage:\n  wafer "); err != nil || !ok || !strings.HasPrefix(usage, strings.Join(path, " ")) {
		return ""
	}
	return string(out)
}

// step is one command of a block, with what it is to do.
type step struct {
	line, exit, status int // status of HTTP; 0: none is asked for
	text               string
}

var (
	wantStatus = regexp.MustCompile(`^# ([1-5]\d\d): `)
	wantExit   = regexp.MustCompile(`# exit status (\d+)`)
	goesOn     = regexp.MustCompile(`(\\|\||&&)$`)
	document   = regexp.MustCompile(`<<'?(\w+)'?$`)
)

// steps splits a block into commands: one begins on each line that no other goes on in.
func steps(b Block) []step {
	var all []step
	status, within, end := 0, false, ""
	for i, line := range strings.Split(strings.TrimRight(b.Text, "\n"), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case end != "" || within || strings.HasPrefix(line, " ") && len(all) > 0:
			all[len(all)-1].text += "\n" + line
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
			if m := wantStatus.FindStringSubmatch(trimmed); m != nil {
				status, _ = strconv.Atoi(m[1])
			}
			continue
		default:
			s := step{line: b.Line + i, status: status, text: line}
			if m := wantExit.FindStringSubmatch(line); m != nil {
				s.exit, _ = strconv.Atoi(m[1])
			}
			all, status = append(all, s), 0
		}
		if m := document.FindStringSubmatch(line); m != nil {
			end = m[1]
		} else if line == end {
			end = ""
		}
		within = goesOn.MatchString(trimmed)
	}
	return all
}

// script has bash run the steps, and tell on standard output where each begins.
func script(all []step) string {
	var b strings.Builder
	b.WriteString("set -uo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n")
	for _, s := range all {
		fmt.Fprintf(&b, "printf '\\001%d\\001'\n%s\nwafer_exit=$?; [ $wafer_exit = %d ] || { echo \"exit status $wafer_exit, want %[3]d\" >&2; exit 1; }\n", s.line, s.text, s.exit)
	}
	return b.String()
}

// commands runs a block, or, where it says why it cannot be run, has bash read it.
func (s *sandbox) commands(t *testing.T, b Block) {
	t.Helper()
	all := steps(b)
	if len(all) == 0 {
		t.Error("a block without commands")
	}
	args := []string{"--noprofile", "--norc"}
	if b.NotRun != "" {
		t.Logf("not run: %s", b.NotRun)
		args = append(args, "-n")
	} else {
		s.with(t, b.With)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", args...)
	c.Dir, c.Env, c.Stdin = s.dir, s.env, strings.NewReader(script(all))
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	shown := map[int]string{}
	last := b.Line
	for i, part := range strings.Split(out.String(), "\x01") {
		if i%2 == 1 {
			last, _ = strconv.Atoi(part)
		} else {
			shown[last] = part
		}
	}
	if err != nil {
		t.Fatalf("%s:%d: %v\n%s%s", b.File, last, err, tail(shown[last]), tail(errs.String()))
	}
	if b.NotRun != "" {
		return
	}
	for _, step := range all {
		if want := fmt.Sprintf("HTTP/1.1 %d ", step.status); step.status != 0 && !strings.Contains(shown[step.line], want) {
			t.Errorf("%s:%d: want %q, got\n%s", b.File, step.line, want, tail(shown[step.line]))
		}
	}
}

// tail is the end of an output.
func tail(s string) string { return s[max(0, len(s)-2000):] }

// with starts what commands need: a block's "run: with …".
func (s *sandbox) with(t *testing.T, world string) {
	t.Helper()
	if world == "" {
		return
	}
	w, begun := s.worlds[world]
	switch {
	case begun:
	case world == "the demo":
		w = tier.Run(s.t, "demo")
		w.Printed("Ctrl-C ends it.")
	case world == "the quickstart":
		w = s.quickstart(s.t)
	case world == "a release":
		s.release(s.t)
	default:
		t.Fatalf("nobody knows how to run with %s", world)
	}
	s.worlds[world] = w
	if w == nil {
		return
	}
	// The documents name the ports that are the default; on this machine they may be taken.
	to := fmt.Sprintf("connect-to = \"127.0.0.1:8080:%s\"\nconnect-to = \"localhost:9090:%s\"\nconnect-to = \"127.0.0.1:9090:%[2]s\"\n", w.Addr, w.Admin)
	if err := os.WriteFile(filepath.Join(s.dir, ".curlrc"), []byte(to), 0o600); err != nil {
		t.Fatal(err)
	}
}

// quickstart runs what manifests/overlays/quickstart has in a cluster: its routes, in front of the demo's
// applications. The request that docs/operations.md looks for has been blocked.
func (s *sandbox) quickstart(t *testing.T) *tier.Tier {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "manifests/overlays/quickstart/routes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	apps, err := demo.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = apps.Close() })
	routes := strings.NewReplacer("shop-origin:80", apps.Shop, "legacy-origin:80", apps.Legacy).Replace(string(text))
	w := tier.Plain(t, tier.RouteFile(t, routes), "--trusted-proxies", "127.0.0.0/8")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.Addr+"/search?q=1%27%20OR%20%271%27%3D%271%27%20--%20", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "shop"
	req.Header.Set("X-Request-Id", complaint)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	event, err := json.Marshal(w.Security(complaint))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, ".events"), append(event, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}
