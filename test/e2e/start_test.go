package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/test/ports"
	"github.com/wafer-waf/wafer/test/tier"
)

// starting is a process that need not serve yet.
type starting struct {
	cmd   *exec.Cmd
	lines chan map[string]any // of standard error
	ended chan struct{}

	mu   sync.Mutex
	said []string // the lines that are not JSON
}

// launch starts the binary and waits for nothing.
func launch(t *testing.T, args ...string) *starting {
	t.Helper()
	p := &starting{cmd: exec.Command(tier.Binary(t), args...), lines: make(chan map[string]any, 1000), ended: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			var l map[string]any
			if json.Unmarshal(s.Bytes(), &l) != nil {
				p.mu.Lock()
				p.said = append(p.said, s.Text())
				p.mu.Unlock()
				continue
			}
			p.lines <- l
		}
		_ = p.cmd.Wait() // the exit code tells
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.ended
	})
	return p
}

// log waits for a line of the log.
func (p *starting) log(t *testing.T, message string) map[string]any {
	t.Helper()
	for {
		if l := tier.Receive(t, fmt.Sprintf("the line %q", message), p.lines); l["message"] == message {
			return l
		}
	}
}

// exit waits for the end, and returns the code and what was said that is not the log.
func (p *starting) exit(t *testing.T) (code int, said string) {
	t.Helper()
	tier.Receive(t, "the end of the process", p.ended)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.ProcessState.ExitCode(), strings.Join(p.said, "\n")
}

// slowFile is a route file that is read when somebody writes it, and not before.
func slowFile(t *testing.T) (path string, write func(text string)) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "routes.yaml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// asked is what the admin listener says.
func asked(t *testing.T, method, admin, path string) (status int, body string) {
	t.Helper()
	r := ask(t, admin, request(method, admin, path, "Connection: close", "Content-Length: 0"))
	return r.status, r.body
}

var serveAnywhere = []string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--reload-interval", "0", "--routes"}

// Before there is a configuration, the admin listener says what the process waits for, and traffic
// waits too.
func TestStartTellsWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	file, write := slowFile(t)
	p := launch(t, append(slices.Clone(serveAnywhere), file)...)
	l := p.log(t, "starting")
	traffic, admin := l["listen"].(string), l["admin"].(string)
	f := func(method, path string, status int, body string) {
		t.Helper()
		if got, text := asked(t, method, admin, path); got != status || !strings.Contains(text, body) {
			t.Errorf("%s %s: %d %q, want %d %q", method, path, got, text, status, body)
		}
	}
	f("GET", "/healthz", 200, "ok")
	f("GET", "/readyz", 503, "reading the configuration")
	f("GET", "/metrics", 200, "wafer_config_generation 0")
	f("GET", "/api/v1/config", 503, "no configuration in force yet")
	f("GET", "/api/v1/routes", 503, "no configuration in force yet")
	f("POST", "/-/reload", 503, "no configuration in force yet")
	early := dial(t, traffic, "").send(request("GET", "shop.test", "/early"))
	if n := back.whole.Load(); n != 0 {
		t.Errorf("the backend has seen %d requests", n)
	}

	write(`
routes: [{ id: a, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["` + back.url() + `"] }]
`)
	p.log(t, "serving")
	f("GET", "/readyz", 200, "ready")
	f("GET", "/api/v1/config", 200, `"generation": 1`)
	early.reply(http.MethodGet).wantStatus(t, 200)
}

// A signal ends a process that is not serving yet: at whatever it is.
func TestSignalsWhileStarting(t *testing.T) {
	t.Parallel()
	policies, err := os.ReadFile(manyPolicies(t, 10, 4))
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, s syscall.Signal, waits string, routes func(write func(string))) {
		t.Run(name, func(t *testing.T) {
			file, write := slowFile(t)
			p := launch(t, append(slices.Clone(serveAnywhere), file, "--drain-delay", "1h")...)
			admin := p.log(t, "starting")["admin"].(string)
			routes(write)
			tier.Eventually(t, waits, func() bool {
				status, text := asked(t, "GET", admin, "/readyz")
				return status == 503 && text == waits+"\n"
			})
			if err := p.cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			if code, said := p.exit(t); code != 0 || said != "" { // and no hour of draining
				t.Errorf("exit code %d, %s", code, said)
			}
			close(p.lines)
			stopped := false
			for l := range p.lines {
				stopped = stopped || l["message"] == "stopped while starting"
				if l["message"] == "serving" {
					t.Error("it has served")
				}
			}
			if !stopped {
				t.Error("it does not say that it stopped")
			}
		})
	}
	nothing := func(func(string)) {}
	f("SIGTERM, reading", syscall.SIGTERM, "reading the configuration", nothing)
	f("SIGINT, reading", syscall.SIGINT, "reading the configuration", nothing)
	f("SIGTERM, compiling", syscall.SIGTERM, "compiling policies", func(write func(string)) { write(string(policies)) })
	f("SIGINT, compiling", syscall.SIGINT, "compiling policies", func(write func(string)) { write(string(policies)) })
}

// An address in use is told before the configuration is even read.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	for name, args := range map[string][]string{
		"traffic": {"--listen", taken, "--admin", "127.0.0.1:0"},
		"admin":   {"--listen", "127.0.0.1:0", "--admin", taken},
	} {
		file, _ := slowFile(t) // nobody ever writes it
		code, said := launch(t, append([]string{"serve", "--routes", file}, args...)...).exit(t)
		if want := name + " listener: listen tcp " + taken; code != 1 || !strings.Contains(said, want) || !strings.Contains(said, "in use") {
			t.Errorf("exit code %d and %q, want %q", code, said, want)
		}
	}
}

// stuck is a pipe that is full, and that nobody reads.
func stuck(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	full := false
	err = raw.Control(func(fd uintptr) {
		for !full {
			_, err := syscall.Write(int(fd), make([]byte, 4096)) // os.Pipe does not block
			full = err == syscall.EAGAIN
		}
		// A container's outputs do. The flag belongs to the pipe, whoever has it open.
		if err := syscall.SetNonblock(int(fd), false); err != nil {
			full = false
		}
	})
	if err != nil || !full {
		t.Fatalf("the pipe is not full: %v", err)
	}
	return w
}

// TestStuckOutputs has a log collector that hangs: both outputs are full from the beginning. The
// tier starts, serves, reloads, drops what it cannot write, drains and ends.
func TestStuckOutputs(t *testing.T) {
	t.Parallel()
	g := newGate(t)
	routes := func(id string) string {
		return "routes: [{ id: " + id + ", upstreams: [{ id: a }] }]\nupstreams: [{ id: a, endpoints: [\"" + g.url() + "\"] }]\n" + off
	}
	file := tier.RouteFile(t, routes("one"))
	traffic, admin := ports.Address(t), ports.Address(t)
	c := exec.Command(tier.Binary(t), "serve", "--routes", file, "--listen", traffic, "--admin", admin, "--reload-interval", "0",
		"--drain-delay", "1s", "--log-level", "debug")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.Stdout, c.Stderr = stuck(t), stuck(t)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait() // the exit code tells
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		<-ended
	})
	tier.Eventually(t, "it is ready", func() bool {
		resp, err := http.Get("http://" + admin + "/readyz") //nolint:noctx // ends with the process
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode == 200
	})
	reload := func(text string, status int, want string) {
		t.Helper()
		tier.Rewrite(t, file, text)
		if got, body := asked(t, "POST", admin, "/-/reload"); got != status || !strings.Contains(body, want) {
			t.Errorf("reload: %d %.300q, want %d %q", got, body, status, want)
		}
	}
	reload(routes("two"), 200, `"changed": true`)
	// Each failure is a line of a hundred kilobytes: more than the buffer holds.
	var wrong strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&wrong, "nonsense_%d: %s\n", i, strings.Repeat("x", 50))
	}
	lost := func() bool { return metric(t, admin, "wafer_log_dropped_total") > 0 }
	for range 100 {
		if lost() {
			break
		}
		reload(routes("three")+wrong.String(), 422, "nonsense_999")
	}
	if !lost() {
		t.Error("no line of the log was dropped")
	}
	reload(routes("four"), 200, `"changed": true`)

	slow := dial(t, traffic, "").send(request("GET", "shop.test", "/slow"))
	tier.Receive(t, "the slow request", g.arrived)
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	tier.Eventually(t, "readiness to fail", func() bool {
		status, text := asked(t, "GET", admin, "/readyz")
		return status == 503 && strings.Contains(text, "draining")
	})
	close(g.open)
	slow.reply("GET").wantStatus(t, 200)
	tier.Receive(t, "the end of the process", ended)
	if code := c.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
