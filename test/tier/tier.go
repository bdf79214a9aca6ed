// Package tier builds and runs the real binary for tests, on ports of its own choosing,
// and reads what it writes. It belongs to tests only.
//
// A Tier is safe for concurrent use by one test.
package tier

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for something that has to happen.
const patience = 2 * time.Minute

// raceExit is the exit code of a process in which the race detector found something.
const raceExit = 66

// folder is where the binaries are.
var folder = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "wafer-test-") })

// Both builds happen once per test process, if anybody needs them.
var (
	buildRace  = sync.OnceValues(func() (string, error) { return compile("wafer", "-race") })
	buildPlain = sync.OnceValues(func() (string, error) { return compile("wafer-plain") })
)

// compile builds a binary, unless the Makefile has: then WAFER_TEST_BINARIES says in which folder.
func compile(name string, flags ...string) (string, error) {
	if built := os.Getenv("WAFER_TEST_BINARIES"); built != "" {
		return filepath.Join(built, name), nil
	}
	return build(name, flags...)
}

func build(name string, flags ...string) (string, error) {
	dir, err := folder()
	if err != nil {
		return "", err
	}
	_, file, _, _ := runtime.Caller(0)
	bin := filepath.Join(dir, name)
	c := exec.Command("go", slices.Concat([]string{"build", "-tags", "no_fs_access,grpcnotrace"}, flags, []string{"-buildvcs=false", "-o", bin, "./cmd/wafer"})...)
	c.Dir = filepath.Join(filepath.Dir(file), "..", "..")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build wafer: %w\n%s", err, out)
	}
	return bin, nil
}

// Main runs the tests of a package and removes the binaries afterwards. It is for TestMain,
// and returns what os.Exit wants.
func Main(m *testing.M) int {
	code := m.Run()
	if dir, err := folder(); err == nil {
		_ = os.RemoveAll(dir) // what is left is in a temporary folder
	}
	return code
}

// Binary returns the path of the binary with the race detector, built if need be.
func Binary(tb testing.TB) string {
	tb.Helper()
	return built(tb, buildRace)
}

// PlainBinary is Binary without the race detector.
func PlainBinary(tb testing.TB) string {
	tb.Helper()
	return built(tb, buildPlain)
}

func built(tb testing.TB, build func() (string, error)) string {
	tb.Helper()
	bin, err := build()
	if err != nil {
		tb.Fatal(err)
	}
	return bin
}

// Tier is a running process.
type Tier struct {
	Addr  string // traffic listener
	Admin string // admin listener

	tb   testing.TB
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // of Wait, once done is closed

	mu     sync.Mutex
	events []map[string]any // parsed lines of standard output
	logs   []map[string]any // parsed lines of standard error
	other  []string         // lines that are not JSON
	more   chan struct{}    // closed and replaced with every line
}

// Start runs "wafer serve" with the route file at routes and further arguments, on free
// ports of loopback, and waits until it serves. The process ends with the test.
func Start(tb testing.TB, routes string, args ...string) *Tier {
	tb.Helper()
	return Run(tb, append([]string{"serve", "--routes", routes}, args...)...)
}

// Plain is Start without the race detector, for tests that measure time or memory, or that
// would take too long with it.
func Plain(tb testing.TB, routes string, args ...string) *Tier {
	tb.Helper()
	return run(tb, PlainBinary(tb), append([]string{"serve", "--routes", routes}, args...))
}

// Run is Start for any command that serves.
func Run(tb testing.TB, args ...string) *Tier {
	tb.Helper()
	return run(tb, Binary(tb), args)
}

// Launch is Start for a tier that may not serve for now: it waits until the listeners are there.
func Launch(tb testing.TB, routes string, args ...string) *Tier {
	tb.Helper()
	return launch(tb, Binary(tb), append([]string{"serve", "--routes", routes}, args...))
}

func run(tb testing.TB, bin string, args []string) *Tier {
	tb.Helper()
	t := launch(tb, bin, args)
	t.at("serving")
	return t
}

// at waits until the tier says that it is somewhere, and with which addresses.
func (t *Tier) at(message string) {
	t.tb.Helper()
	line := t.Log(func(l map[string]any) bool { return l["message"] == message })
	t.Addr, _ = line["listen"].(string)
	t.Admin, _ = line["admin"].(string)
}

// Listeners is Plain with a boot file that has listeners of its own. Addr has the addresses of all of them,
// separated by ", ".
func Listeners(tb testing.TB, boot string, args ...string) *Tier {
	tb.Helper()
	t := launchWith(tb, PlainBinary(tb), append([]string{"serve", "--config", boot, "--admin", "127.0.0.1:0"}, args...))
	t.at("serving")
	return t
}

func launch(tb testing.TB, bin string, args []string) *Tier {
	tb.Helper()
	return launchWith(tb, bin, append(args, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"))
}

func launchWith(tb testing.TB, bin string, args []string, env ...string) *Tier {
	tb.Helper()
	t := &Tier{tb: tb, done: make(chan struct{}), more: make(chan struct{})}
	t.cmd = exec.Command(bin, args...)
	// A fuzzing worker that is killed cleans nothing up, and waits for whoever has its pipes.
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	t.cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1 exitcode="+strconv.Itoa(raceExit))
	t.cmd.Env = append(t.cmd.Env, env...)
	stdout, err := t.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stderr, err := t.cmd.StderrPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := t.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	var readers sync.WaitGroup
	readers.Go(func() { t.read(stdout, &t.events) })
	readers.Go(func() { t.read(stderr, &t.logs) })
	go func() {
		readers.Wait()
		t.err = t.cmd.Wait()
		close(t.done)
	}()
	tb.Cleanup(func() {
		_ = t.cmd.Process.Kill() // it may have ended
		<-t.done
		if t.cmd.ProcessState.ExitCode() == raceExit {
			tb.Error("wafer has a data race")
		}
		if tb.Failed() {
			tb.Logf("wafer's standard error:\n%s", t.Stderr())
		}
	})
	t.at("starting")
	return t
}

func (t *Tier) read(r io.Reader, into *[]map[string]any) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		var m map[string]any
		d := json.NewDecoder(bytes.NewReader(s.Bytes()))
		err := d.Decode(&m)
		t.mu.Lock()
		if err == nil {
			*into = append(*into, m)
		} else {
			t.other = append(t.other, s.Text())
		}
		close(t.more)
		t.more = make(chan struct{})
		t.mu.Unlock()
	}
}

// Log waits for a line on standard error.
func (t *Tier) Log(match func(map[string]any) bool) map[string]any {
	t.tb.Helper()
	return t.await("log line", &t.logs, match)
}

// Event waits for an event on standard output.
func (t *Tier) Event(match func(map[string]any) bool) map[string]any {
	t.tb.Helper()
	return t.await("event", &t.events, match)
}

// Events returns the events so far that match, in the order they were written.
func (t *Tier) Events(match func(map[string]any) bool) []map[string]any {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []map[string]any
	for _, e := range t.events {
		if match(e) {
			found = append(found, e)
		}
	}
	return found
}

// Printed waits for a line that is not JSON and returns all such lines so far.
func (t *Tier) Printed(line string) []string {
	t.tb.Helper()
	deadline := time.After(patience)
	for {
		t.mu.Lock()
		more, lines := t.more, slices.Clone(t.other)
		t.mu.Unlock()
		if slices.Contains(lines, line) {
			return lines
		}
		select {
		case <-more:
		case <-deadline:
			t.tb.Fatalf("no line %q within %s, but\n%s", line, patience, strings.Join(lines, "\n"))
		}
	}
}

// Security waits for the security event of a request.
func (t *Tier) Security(requestID string) map[string]any {
	t.tb.Helper()
	return t.Event(func(e map[string]any) bool { return e["event"] == "security" && e["request_id"] == requestID })
}

// Access waits for the access event of a request.
func (t *Tier) Access(requestID string) map[string]any {
	t.tb.Helper()
	return t.Event(func(e map[string]any) bool { return e["event"] == "access" && e["request_id"] == requestID })
}

func (t *Tier) await(what string, lines *[]map[string]any, match func(map[string]any) bool) map[string]any {
	t.tb.Helper()
	deadline := time.After(patience)
	seen := 0
	for {
		t.mu.Lock()
		more := t.more
		for ; seen < len(*lines); seen++ {
			if match((*lines)[seen]) {
				m := (*lines)[seen]
				t.mu.Unlock()
				return m
			}
		}
		t.mu.Unlock()
		select {
		case <-more:
		case <-t.done:
			t.mu.Lock()
			rest := len(*lines) - seen
			t.mu.Unlock()
			if rest == 0 {
				t.tb.Fatalf("wafer ended (%v) before the %s\n%s", t.err, what, t.Stderr())
			}
		case <-deadline:
			t.tb.Fatalf("no such %s within %s", what, patience)
		}
	}
}

// Stderr is what the tier has written to standard error.
func (t *Tier) Stderr() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, l := range t.logs {
		text, _ := json.Marshal(l)
		b.Write(text)
		b.WriteByte('\n')
	}
	for _, l := range t.other {
		b.WriteString(l + "\n")
	}
	return b.String()
}

// Forget drops the events read so far, so that a long test stays small.
func (t *Tier) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = nil
}

// PID is the process's id.
func (t *Tier) PID() int { return t.cmd.Process.Pid }

// Signal sends a signal.
func (t *Tier) Signal(s syscall.Signal) {
	t.tb.Helper()
	if err := t.cmd.Process.Signal(s); err != nil {
		t.tb.Fatal(err)
	}
}

// Kill ends the process at once.
func (t *Tier) Kill() {
	_ = t.cmd.Process.Kill() // it may have ended
	<-t.done
}

// Wait waits for the process to end and returns its exit code.
func (t *Tier) Wait() int {
	t.tb.Helper()
	select {
	case <-t.done:
	case <-time.After(patience):
		t.tb.Fatalf("wafer did not end within %s", patience)
	}
	var exit *exec.ExitError
	if errors.As(t.err, &exit) {
		return exit.ExitCode()
	}
	if t.err != nil {
		t.tb.Fatal(t.err)
	}
	return 0
}

// Get asks the admin listener and returns status and body.
func (t *Tier) Get(path string) (int, string) {
	t.tb.Helper()
	return t.ask(http.MethodGet, path)
}

// Reload posts to /-/reload and returns status and body.
func (t *Tier) Reload() (int, string) {
	t.tb.Helper()
	return t.ask(http.MethodPost, "/-/reload")
}

func (t *Tier) ask(method, path string) (int, string) {
	t.tb.Helper()
	req, err := http.NewRequest(method, "http://"+t.Admin+path, nil)
	if err != nil {
		t.tb.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.tb.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// Metric returns the value of a series as /metrics prints it, such as
// `wafer_requests_total{route="shop",verdict="pass"}`, and 0 if there is none.
func (t *Tier) Metric(series string) float64 {
	t.tb.Helper()
	_, text := t.Get("/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			var v float64
			if _, err := fmt.Sscan(value, &v); err != nil {
				t.tb.Fatalf("metric %s: %v", series, err)
			}
			return v
		}
	}
	return 0
}
