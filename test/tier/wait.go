package tier

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// RouteFile writes a route file into a folder of its own and returns its path.
func RouteFile(tb testing.TB, text string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "routes.yaml")
	Rewrite(tb, path, text)
	return path
}

// Rewrite replaces a file in one step.
func Rewrite(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		tb.Fatal(err)
	}
}

// Eventually waits until f returns true.
func Eventually(tb testing.TB, what string, f func() bool) {
	tb.Helper()
	EventuallyEvery(tb, 20*time.Millisecond, what, f)
}

// EventuallyEvery is Eventually, and asks so often.
func EventuallyEvery(tb testing.TB, often time.Duration, what string, f func() bool) {
	tb.Helper()
	tick := time.NewTicker(often)
	defer tick.Stop()
	deadline := time.After(patience)
	for !f() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// Receive waits for a value.
func Receive[T any](tb testing.TB, what string, c <-chan T) T {
	tb.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		tb.Fatalf("not within %s: %s", patience, what)
		panic("unreachable")
	}
}
