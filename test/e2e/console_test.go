package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unicode"

	"github.com/wafer-waf/wafer/test/tier"
	"golang.org/x/sys/unix"
)

// terminal is a pseudo terminal, and what was written to it.
type terminal struct {
	tty  *os.File
	keys *os.File // what is typed

	mu      sync.Mutex
	written bytes.Buffer
}

// newTerminal opens a terminal of so many columns.
func newTerminal(t *testing.T, columns uint16) *terminal {
	t.Helper()
	ptm, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	t.Cleanup(func() { _ = ptm.Close() })
	fd := int(ptm.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	screen := &terminal{tty: tty, keys: ptm}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := ptm.Read(buf)
			screen.mu.Lock()
			screen.written.Write(buf[:n])
			screen.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return screen
}

func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written.String()
}

// awaits waits until something has been written.
func (s *terminal) awaits(t *testing.T, what string) {
	t.Helper()
	tier.Eventually(t, fmt.Sprintf("%q on the terminal", what), func() bool { return strings.Contains(colorless(s.text()), what) })
}

var (
	sgr      = regexp.MustCompile(`\x1b\[[0-9;]*m`)
	progress = regexp.MustCompile(`\r\x1b\[K(compiling policy [^\r\n]*)?`)
)

func colorless(s string) string { return sgr.ReplaceAllString(s, "") }

// serveOn starts a tier that people watch, and returns its traffic address.
func serveOn(t *testing.T, screen *terminal, routes string, env ...string) (c *exec.Cmd, traffic string) {
	t.Helper()
	c = exec.Command(tier.PlainBinary(t), "serve", "--routes", routes, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--reload-interval", "0s")
	c.Stdin, c.Stdout, c.Stderr = screen.tty, screen.tty, screen.tty
	c.Env = append(os.Environ(), append([]string{"TERM=xterm", "NO_COLOR="}, env...)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait() // killed
	})
	screen.awaits(t, " serving ")
	listen := regexp.MustCompile(`serving .*listen=(\S+)`).FindStringSubmatch(colorless(screen.text()))
	return c, listen[1]
}

// What people watch: progress, one line for each event within the width, verdicts that stand out, errors in
// lines of their own, and nothing of a client's that drives the terminal.
func TestConsoleOnATerminal(t *testing.T) {
	t.Parallel()
	const columns = 100
	for _, color := range []bool{true, false} {
		t.Run(fmt.Sprintf("color %t", color), func(t *testing.T) {
			t.Parallel()
			back := newEcho(t, nil)
			routes := `
routes:
  - { id: shop, policy: shop, hosts: [shop.test], upstreams: [{ id: a }] }
  - { id: watched, policy: watched, hosts: [watched.test], upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["` + back.url() + `"] }
policies:
  - { id: shop }
  - { id: watched, mode: detect }
`
			file := tier.RouteFile(t, routes)
			screen := newTerminal(t, columns)
			env := "NO_COLOR=1"
			if color {
				env = "NO_COLOR="
			}
			c, addr := serveOn(t, screen, file, env)
			hostile := "%1b%5b2J%e2%80%ae%0d%0a%c2%9b31m" + strings.Repeat("%e6%97%a5", 200)
			for _, host := range []string{"shop.test", "watched.test", "a.test"} {
				for _, target := range []string{"/?q=" + injection, "/" + strings.Repeat("a", 500) + hostile + "?" + hostile + "=" + injection + hostile} {
					dial(t, addr, "").send(request("GET", host, target, "Cookie: "+hostile, "Accept-Language: \u202e\u009b31m")).reply("GET")
				}
			}
			tier.Rewrite(t, file, routes+"  - { id: other, mode: blok }\nfoo: 1\n")
			if err := c.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			screen.awaits(t, "foo: unknown key")
			if r := dial(t, addr, "").send(request("GET", "shop.test", "/last")).reply("GET"); r.status != http.StatusOK {
				t.Fatal(r.status)
			}
			screen.awaits(t, "/last")

			out := screen.text()
			if color != sgr.MatchString(out) {
				t.Errorf("color %t, but\n%q", color, out)
			}
			if color && (!strings.Contains(out, "\x1b[31;1m! block\x1b[0m 403") || !strings.Contains(out, "\x1b[33;1m! would_block\x1b[0m 200")) {
				t.Errorf("verdicts do not stand out:\n%q", out)
			}
			if !strings.Contains(out, "compiling policy shop, 1 of 2") {
				t.Errorf("no progress:\n%q", out)
			}
			for line := range strings.SplitSeq(colorless(progress.ReplaceAllString(out, "")), "\r\n") {
				for _, r := range line {
					if !unicode.IsGraphic(r) {
						t.Errorf("%U in %q", r, line)
					}
				}
				event := strings.Contains(line, " GET ")
				if n := len([]rune(line)); event && n > columns {
					t.Errorf("%d columns: %q", n, line)
				}
			}
			if !strings.Contains(colorless(out), "policies[2].mode: ") || !strings.Contains(out, "\r\n    "+file+":") {
				t.Errorf("errors are not in lines of their own:\n%s", out)
			}
		})
	}
}
