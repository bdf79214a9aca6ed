//go:build linux

package file

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/delivery"
)

// counts is a reporter that counts.
type counts struct {
	mu     sync.Mutex
	sent   int
	lost   map[string]int
	failed []error
	worked int
	events chan struct{} // one for each attempt
}

func newCounts() *counts { return &counts{lost: map[string]int{}, events: make(chan struct{}, 1000)} }

func (c *counts) Sent(n int) { c.mu.Lock(); c.sent += n; c.mu.Unlock() }
func (c *counts) Lost(n int, why string) {
	c.mu.Lock()
	c.lost[why] += n
	c.mu.Unlock()
}
func (c *counts) Failed(err error) {
	c.mu.Lock()
	c.failed = append(c.failed, err)
	c.mu.Unlock()
	c.events <- struct{}{}
}
func (c *counts) Worked() {
	c.mu.Lock()
	c.worked++
	c.mu.Unlock()
	c.events <- struct{}{}
}

// apart runs a test in a process of its own, and reports whether this is that one: what limits the files of a process
// limits those of package testing, too.
func apart(t *testing.T) bool {
	t.Helper()
	const mark = "WAFER_TEST_APART"
	if os.Getenv(mark) != "" {
		return true
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	c.Env = append(os.Environ(), mark+"=1")
	if out, err := c.CombinedOutput(); err != nil || !bytes.HasPrefix(out, []byte("PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// limitFiles has writes beyond a size fail in this process, as they do on a full disk: after a part of them.
func limitFiles(t *testing.T, size uint64) (lift func()) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	lift = func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old) }
	t.Cleanup(lift)
	return lift
}

// TestFull takes back what a write to a full disk has left of a line.
func TestFull(t *testing.T) {
	if !apart(t) {
		return
	}
	path := filepath.Join(t.TempDir(), "events.jsonl")
	f := New(Options{Path: path, MaxSize: 1 << 20, Keep: 1})
	defer f.Close()
	batch := append(line(1, 600), line(2, 600)...)
	lift := limitFiles(t, 1000)
	if n, err := f.Write(batch); n != 600 || !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("%d bytes: %v", n, err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, line(1, 600)) {
		t.Fatalf("the file holds %d bytes", len(got))
	}
	lift()
	write(t, f, batch[600:])
	if got, _ := os.ReadFile(path); !bytes.Equal(got, batch) {
		t.Errorf("the file holds %d bytes", len(got))
	}
}

// TestSinkOnABadDisk gives more to a sink than its queue holds while its folder is not there: what does not fit is counted,
// the rest comes when the folder does, and what is given is what was sent and lost.
func TestSinkOnABadDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(dir, "events.jsonl")
	c := newCounts()
	s := Start(Options{Path: path, MaxSize: 1 << 20, Keep: 1}, 64<<10, c)
	const given = 2000
	for i := range given {
		s.Send(0, line(i, 100))
	}
	<-c.events // the first attempt was in vain
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	s.Send(0, line(given, 100))
	if c.lost[delivery.Ended] != 1 || c.lost[delivery.Full] == 0 || c.sent+c.lost[delivery.Full] != given || len(c.failed) == 0 {
		t.Errorf("given %d: sent %d, lost %v, failed %d times", given, c.sent, c.lost, len(c.failed))
	}
	if got := bytes.Count(all(t, path), []byte("\n")); got != c.sent {
		t.Errorf("%d lines are written, %d counted", got, c.sent)
	}
}

// TestSinkGivesUp counts what waits when time is over.
func TestSinkGivesUp(t *testing.T) {
	c := newCounts()
	s := Start(Options{Path: filepath.Join(t.TempDir(), "none", "events.jsonl"), MaxSize: 1 << 20, Keep: 1}, 64<<10, c)
	for i := range 10 {
		s.Send(0, line(i, 100))
	}
	<-c.events
	if err := s.Close(0); err == nil || c.lost[delivery.Ended] != 10 || c.sent != 0 {
		t.Errorf("sent %d, lost %v: %v", c.sent, c.lost, err)
	}
}
