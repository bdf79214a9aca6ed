package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
	"golang.org/x/sys/unix"
)

const topRoutes = `
routes:
  - { id: shop, hosts: [shop.test], policy: shop, upstreams: [{ id: a }] }
policies:
  - { id: shop }
upstreams:
  - { id: a, endpoints: ["`

// TestTop looks at a tier once, with a token where one is wanted.
func TestTop(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(tier.PlainBinary(t), "admin-token", "--name", "eyes", "--role", "read").CombinedOutput()
	made := regexp.MustCompile(`^token: (\S+)\nline: {2}(.+)\n$`).FindStringSubmatch(string(out))
	if err != nil || made == nil {
		t.Fatalf("%v: %s", err, out)
	}
	dir := t.TempDir()
	file, tokens := filepath.Join(dir, "token"), filepath.Join(dir, "tokens")
	for name, text := range map[string]string{file: made[1] + "\n", tokens: made[2] + "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := tier.Plain(t, tier.RouteFile(t, topRoutes+newEcho(t, nil).url()+"\"] }\n"), "--admin-tokens", tokens, "--admin-local-needs-token", "--admin-closed", "metrics")
	for range 3 {
		dial(t, w.Addr, "").send(request("GET", "shop.test", "/?q="+injection)).reply("GET")
	}
	f := func(name string, wantCode int, token string, want []string, args ...string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), tier.PlainBinary(t), append([]string{"top", "--once", "--every", "100ms"}, args...)...)
		c.Env = append(os.Environ(), "WAFER_ADMIN_TOKEN="+token)
		var both bytes.Buffer
		c.Stdout, c.Stderr = &both, &both
		_ = c.Run() // the exit code says it
		if code := c.ProcessState.ExitCode(); code != wantCode {
			t.Errorf("%s: exit code %d, want %d\n%s", name, code, wantCode, &both)
		}
		for _, w := range want {
			if !strings.Contains(both.String(), w) {
				t.Errorf("%s: does not say %q:\n%s", name, w, &both)
			}
		}
		if strings.ContainsAny(both.String(), "\x1b\r") {
			t.Errorf("%s: drives a terminal that is not there: %q", name, &both)
		}
	}
	tier.Eventually(t, "requests are counted", func() bool {
		c := exec.CommandContext(t.Context(), tier.PlainBinary(t), "top", "--once", "--every", "100ms", "--admin", w.Admin, "--token-file", file)
		out, err := c.Output()
		return err == nil && strings.Contains(string(out), "\n942100 ")
	})
	f("token of a file", 0, "", []string{"wafer dev at " + w.Admin, "ROUTE ", "\nshop ", "\n942100 ", "UPSTREAM", "\na "}, "--admin", w.Admin, "--token-file", file)
	f("token of the environment", 0, made[1], []string{`"routes":[{"id":"shop"`, `"upstreams":[{"id":"a","up":1,`}, "--admin", "http://"+w.Admin+"/", "--output", "json")
	f("the whole tier", 0, made[1], []string{"\nshop ", "\n942100 ", "POD", " ready"}, "--admin", w.Admin, "--scope", "tier")
	f("no token", 1, "", []string{"give a file with one by --token-file"}, "--admin", w.Admin)
	f("another listener", 1, "", []string{"is this an admin listener (--admin)?"}, "--admin", w.Addr)
	f("nobody", 1, "", []string{"ask the admin listener (--admin)", "connection refused"}, "--admin", "127.0.0.1:1")
	f("too often", 1, "", []string{"look every 100ms at most"}, "--admin", w.Admin, "--every", "1ms")
}

// TestTopOnATerminal: a picture is drawn until somebody ends it, and however that happens, the terminal is what it was.
func TestTopOnATerminal(t *testing.T) {
	t.Parallel()
	w := tier.Plain(t, tier.RouteFile(t, topRoutes+newEcho(t, nil).url()+"\"] }\n"))
	dial(t, w.Addr, "").send(request("GET", "shop.test", "/?q="+injection)).reply("GET")
	for name, end := range map[string]func(*terminal, *os.Process) error{
		"q":      func(s *terminal, _ *os.Process) error { _, err := s.keys.WriteString("pq"); return err },
		"Ctrl-C": func(s *terminal, _ *os.Process) error { _, err := s.keys.WriteString("\x03"); return err },
		"TERM":   func(_ *terminal, p *os.Process) error { return p.Signal(syscall.SIGTERM) },
		"HUP":    func(_ *terminal, p *os.Process) error { return p.Signal(syscall.SIGHUP) },
		"INT":    func(_ *terminal, p *os.Process) error { return p.Signal(os.Interrupt) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTerminal(t, 90)
			settings := func() *unix.Termios {
				all, err := unix.IoctlGetTermios(int(s.tty.Fd()), unix.TCGETS)
				if err != nil {
					t.Fatal(err)
				}
				return all
			}
			before := settings()
			c := exec.CommandContext(t.Context(), tier.PlainBinary(t), "top", "--admin", w.Admin, "--every", "100ms")
			c.Stdin, c.Stdout, c.Stderr = s.tty, s.tty, s.tty
			c.Env = slices.Concat(os.Environ(), []string{"TERM=xterm", "NO_COLOR="})
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			s.awaits(t, "942100")
			s.awaits(t, "q ends")
			if raw := settings(); raw.Lflag&unix.ECHO != 0 {
				t.Error("what is typed is shown while the picture is drawn")
			}
			if err := end(s, c.Process); err != nil {
				t.Fatal(err)
			}
			if err := c.Wait(); err != nil {
				t.Error(err)
			}
			if after := settings(); *after != *before {
				t.Errorf("the terminal is %+v, and was %+v", after, before)
			}
			s.awaits(t, "\x1b[?25h\x1b[?1049l")
		})
	}
}

// TestTopInAPipe: what is no terminal gets one look below the other, also while the tier is away.
func TestTopInAPipe(t *testing.T) {
	t.Parallel()
	w := tier.Plain(t, tier.RouteFile(t, topRoutes+newEcho(t, nil).url()+"\"] }\n"))
	c := exec.CommandContext(t.Context(), tier.PlainBinary(t), "top", "--admin", w.Admin, "--every", "100ms", "--output", "json")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	looks := json.NewDecoder(out)
	for range 2 {
		var f struct{ Tier string }
		if err := looks.Decode(&f); err != nil || f.Tier != w.Admin {
			t.Fatalf("%+v, %v", f, err)
		}
	}
	w.Kill()
	text := make([]byte, 1000)
	n, err := problems.Read(text)
	if err != nil || !strings.Contains(string(text[:n]), "ask the admin listener (--admin)") {
		t.Errorf("of a tier that is gone it says %q, %v", text[:n], err)
	}
	_ = c.Process.Kill()
	_ = c.Wait() // killed
}
