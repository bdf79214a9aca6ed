package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The servers have one core for themselves; load generators and the backend share the
// other.
const (
	serverCore = 0
	loadCore   = 1
)

// server is a process that was started here, and only such are ever stopped.
type server struct {
	name      string // as it stands in tables
	accessLog string // off or file
	addr      string
	admin     string // of Wafer
	events    string // file that its log goes to
	cmd       *exec.Cmd
	pids      []int // with its descendants
	exited    chan struct{}
	inspects  bool  // and refuses attacks
	peakBytes int64 // of memory, at the end of any measurement
}

// wants is the status that a request is to be answered with.
func (v *server) wants(r request) int {
	if r.attack && v.inspects {
		return http.StatusForbidden
	}
	return http.StatusOK
}

// rightly reports whether a status is what a request may be answered with: Wafer refuses an attack that
// no application reads in one way as what cannot be read.
func (v *server) rightly(r request, status int) bool {
	return status == v.wants(r) || v.admin != "" && v.inspects && r.attack && status == http.StatusBadRequest
}

// site is where everything happens: a folder for what is temporary, the backend, and all
// processes that run.
type site struct {
	dir     string
	self    string // this program
	backend string // address
	running []*server
	store   *exec.Cmd // nil: none was started
}

// newSite makes the folder and starts the backend. Close it in any case but an error.
func newSite(ctx context.Context) (*site, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "wafer-bench-")
	if err != nil {
		return nil, err
	}
	s := &site{dir: dir, self: self}
	if err := os.Chmod(dir, 0o755); err != nil { // for workers of other users
		s.close()
		return nil, err
	}
	if err := s.startBackend(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close ends what runs and removes the folder.
func (s *site) close() {
	s.stopAll()
	if s.store != nil {
		_ = s.store.Process.Kill() // it keeps nothing
		_ = s.store.Wait()
	}
	_ = os.RemoveAll(s.dir) // what is left is in a temporary folder
}

func fileName(name string) string { return strings.NewReplacer(" ", "-", "/", "-").Replace(name) }

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// start runs a command on a core and waits until ready is answered with 200. It returns
// how long that took.
func (s *site) start(ctx context.Context, v *server, core int, ready string, args ...string) (time.Duration, error) {
	v.events = filepath.Join(s.dir, fileName(v.name)+"-"+v.accessLog+".log")
	out, err := os.OpenFile(v.events, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	var complaints strings.Builder
	v.cmd = exec.Command("taskset", append([]string{"-c", strconv.Itoa(core)}, args...)...)
	v.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GOMAXPROCS=1", "GODEBUG=" + os.Getenv("GODEBUG")}
	v.cmd.Stdout, v.cmd.Stderr = out, &complaints
	// Of its own group, so that Ctrl-C does not reach it before the figures are safe, and
	// not left behind should this program be killed.
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	began := time.Now()
	if err := v.cmd.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", v.name, err)
	}
	v.exited = make(chan struct{})
	go func() {
		_ = v.cmd.Wait() // stop looks at nothing but the end
		close(v.exited)
	}()
	s.running = append(s.running, v)
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		if resp, err := client.Get(ready); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		select {
		case <-v.exited:
			return 0, fmt.Errorf("%s did not start: %s", v.name, complaints.String())
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
		if time.Since(began) > time.Minute {
			return 0, fmt.Errorf("%s: not ready within a minute", v.name)
		}
	}
	took := time.Since(began)
	v.pids = tree(v.cmd.Process.Pid)
	return took, nil
}

// stop ends the process and waits until it is gone.
func (s *site) stop(v *server) {
	s.running = slices.DeleteFunc(s.running, func(r *server) bool { return r == v })
	_ = v.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-v.exited:
	case <-time.After(10 * time.Second):
		_ = v.cmd.Process.Kill()
		<-v.exited
	}
}

func (s *site) stopAll() {
	for len(s.running) > 0 {
		s.stop(s.running[len(s.running)-1])
	}
}

func (s *site) startBackend(ctx context.Context) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	s.backend = addr
	v := &server{name: "backend", accessLog: "off", addr: addr}
	_, err = s.start(ctx, v, loadCore, "http://"+addr+"/", s.self, "backend", "-listen", addr)
	return err
}

func (s *site) startBare(ctx context.Context) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	v := &server{name: "fasthttp", accessLog: "off", addr: addr}
	_, err = s.start(ctx, v, serverCore, "http://"+addr+"/", s.self, "bare", "-listen", addr, "-to", s.backend)
	return v, err
}

// nginxConf is a proxy as most people write it, with one worker, connections that are kept
// on both sides, and the three fields that applications ask for.
const nginxConf = `%[5]s
worker_processes 1;
daemon off;
pid %[1]s/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log %[2]s;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  keepalive_requests 1000000000;
  upstream backend { server %[3]s; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen %[4]s;
    %[6]s
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`

func (s *site) startNginx(ctx context.Context, program, accessLog string) (*server, error) {
	return s.startNginxWith(ctx, program, "nginx", accessLog, "", "")
}

// startNginxWith adds a line before everything else, and one within the server.
func (s *site) startNginxWith(ctx context.Context, program, name, accessLog, first, within string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	v := &server{name: name, accessLog: accessLog, addr: addr, inspects: within != ""}
	dir := filepath.Join(s.dir, fileName(name)+"-"+accessLog)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	log := "off"
	if accessLog == "file" {
		log = filepath.Join(s.dir, "nginx-file.log") + " combined"
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, log, s.backend, addr, first, within), 0o644); err != nil {
		return nil, err
	}
	_, err = s.start(ctx, v, serverCore, "http://"+addr+"/", program, "-p", dir, "-c", conf)
	return v, err
}

// routes is a route file for n routes that share the policies evenly. One route takes
// everything; of more, each has a host. Policies differ in an exclusion, so each needs an
// engine of its own. Settings are further lines of each policy.
func (s *site) routes(name, mode string, routes, policies int, settings ...string) (string, error) {
	var b strings.Builder
	b.WriteString("routes:\n")
	for i := range routes {
		hosts := ""
		if routes > 1 {
			hosts = "hosts: [" + thousandHosts(i) + "], "
		}
		fmt.Fprintf(&b, "  - { id: route-%d, %spolicy: policy-%d, upstreams: [{ id: backend }] }\n", i, hosts, i%policies)
	}
	fmt.Fprintf(&b, "upstreams:\n  - { id: backend, endpoints: [\"http://%s\"] }\npolicies:\n", s.backend)
	for i := range policies {
		fmt.Fprintf(&b, "  - id: policy-%d\n    mode: %q\n", i, mode)
		for _, line := range settings {
			b.WriteString("    " + line + "\n")
		}
		if policies > 1 {
			fmt.Fprintf(&b, "    exclusions: [{ rule: 942100, target: \"ARGS:field-%d\", reason: to differ }]\n", i)
		}
	}
	file := filepath.Join(s.dir, name+".yaml")
	return file, os.WriteFile(file, []byte(b.String()), 0o644)
}

// startWafer starts the product and returns how long it took to be ready.
func (s *site) startWafer(ctx context.Context, program, name, accessLog, routes string, more ...string) (*server, time.Duration, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, 0, err
	}
	admin, err := freeAddr()
	if err != nil {
		return nil, 0, err
	}
	access := "off"
	if accessLog == "file" {
		access = "all"
	}
	v := &server{name: name, accessLog: accessLog, addr: addr, admin: admin}
	v.inspects = name == "wafer block" || name == "wafer" || name == "wafer screen off"
	took, err := s.start(ctx, v, serverCore, "http://"+admin+"/readyz", slices.Concat([]string{program, "serve", "--routes", routes,
		"--listen", addr, "--admin", admin, "--log-access", access, "--drain-delay", "0s"}, more)...)
	return v, took, err
}

// metric reads a series without labels from Wafer's admin listener.
func (v *server) metric(name string) (float64, error) {
	sum, found, err := v.sum(name + " ")
	if err == nil && !found {
		err = errors.New("no metric " + name)
	}
	return sum, err
}

// sum adds up the series that begin with something and contain something else.
func (v *server) sum(prefix string, labels ...string) (sum float64, found bool, err error) {
	resp, err := http.Get("http://" + v.admin + "/metrics")
	if err != nil {
		return 0, false, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, false, err
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, prefix) || slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(line, l) }) {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64)
		if err != nil {
			return 0, false, fmt.Errorf("metric %s: %w", line, err)
		}
		sum, found = sum+value, true
	}
	return sum, found, nil
}

// screened is how many requests Wafer's screen has proved clean, and how many it handed to
// the rules. Servers without a screen have no such figures.
func (v *server) screened() (clean, inspect float64, ok bool) {
	if v.admin == "" {
		return 0, 0, false
	}
	clean, okClean, err := v.sum("wafer_screened_total{", `result="clean"`)
	inspect, okInspect, err2 := v.sum("wafer_screened_total{", `result="inspect"`)
	return clean, inspect, err == nil && err2 == nil && (okClean || okInspect)
}

// settle waits until the server has served what was left in its sockets, so that it does
// not take CPU time from the next one.
func (v *server) settle() {
	for last, since := cpuTime(v.pids), time.Now(); time.Since(since) < 5*time.Second; {
		time.Sleep(60 * time.Millisecond)
		now := cpuTime(v.pids)
		if now == last {
			return
		}
		last = now
	}
}
