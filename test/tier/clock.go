package tier

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Ahead is Plain for a tier whose clock is ahead of everybody else's, or behind. Nothing outside of a static binary can
// tell it another time, so the tier is built with a standard library whose time.Now can. That takes a minute or two.
func Ahead(tb testing.TB, by time.Duration, routes string, args ...string) *Tier {
	tb.Helper()
	if by == 0 {
		return Plain(tb, routes, args...)
	}
	args = append([]string{"serve", "--routes", routes, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, args...)
	t := launchWith(tb, built(tb, buildAhead), args, clockAhead+"="+strconv.Itoa(int(by/time.Second)))
	t.at("serving")
	return t
}

// clockAhead is the variable of the environment that says by how many seconds.
const clockAhead = "WAFER_TEST_CLOCK_AHEAD"

var buildAhead = sync.OnceValues(func() (string, error) {
	dir, err := folder()
	if err != nil {
		return "", err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	own, err := os.ReadFile(filepath.Join(source, "time.go"))
	if err != nil {
		return "", err
	}
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	changed := strings.Replace(string(own), now, now+"\tsec += ahead\n", 1)
	if changed == string(own) {
		return "", fmt.Errorf("time.Now of %s is not as this expects it", runtime.Version())
	}
	replaced := map[string]string{}
	for name, text := range map[string]string{"time.go": changed, "ahead.go": `package time

import "syscall"

var ahead = func() int64 {
	text, _ := syscall.Getenv("` + clockAhead + `")
	n, _ := atoi(text)
	return int64(n)
}()
`} {
		file := filepath.Join(dir, "ahead-"+name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", err
		}
		replaced[filepath.Join(source, name)] = file
	}
	text, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "ahead.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	return build("wafer-ahead", "-overlay", overlay)
})
