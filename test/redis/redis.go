// Package redis starts servers of Redis, or of Valkey where only that is installed, for tests, and breaks them in
// the ways in which servers break. It belongs to tests only.
//
// Every server has a folder and a port of its own, and ends with its test.
package redis

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/ports"
)

// patience is how long a server may take for what it has to do.
const patience = time.Minute

// Options are how a server is set up.
type Options struct {
	Password  string
	TLS       *TLS
	ReplicaOf *Server
	Cluster   bool
	Set       []string // further lines of its configuration file
}

// TLS are the certificates of a server.
type TLS struct {
	CA        *certs.Issued
	Server    *certs.Issued
	AskClient bool // for a certificate of CA
}

// Server is one that runs.
type Server struct {
	Addr string

	tb       testing.TB
	folder   string
	port     int
	password string
	sentinel bool
	mu       sync.Mutex
	cmd      *exec.Cmd
	done     chan struct{}
}

// Program returns the path of the server, and fails the test if none is installed.
func Program(tb testing.TB) string {
	tb.Helper()
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	tb.Fatal("neither redis-server nor valkey-server is installed: apt-get install redis-server")
	return ""
}

// Start runs a server and waits until it answers.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	s := &Server{tb: tb, folder: tb.TempDir(), port: ports.Free(tb), password: o.Password}
	s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
	lines := []string{
		"bind 127.0.0.1", "dir " + s.folder, "save \"\"", "appendonly no", "daemonize no", "loglevel warning",
		"repl-diskless-sync-delay 0", "repl-ping-replica-period 1", "databases 4", "io-threads 1", "stop-writes-on-bgsave-error no",
	}
	if o.TLS == nil {
		lines = append(lines, "port "+strconv.Itoa(s.port))
	} else {
		certs.Write(tb, s.folder, map[string][]byte{
			"server.pem": o.TLS.Server.Cert(), "server.key": o.TLS.Server.PrivateKey(), "ca.pem": o.TLS.CA.Cert(),
		})
		asks := "no"
		if o.TLS.AskClient {
			asks = "yes"
		}
		lines = append(lines, "port 0", "tls-port "+strconv.Itoa(s.port), "tls-cert-file server.pem", "tls-key-file server.key", "tls-ca-cert-file ca.pem", "tls-auth-clients "+asks)
	}
	if o.Password != "" {
		lines = append(lines, "requirepass "+o.Password, "masterauth "+o.Password)
	}
	if o.ReplicaOf != nil {
		lines = append(lines, "replicaof 127.0.0.1 "+strconv.Itoa(o.ReplicaOf.port))
	}
	if o.Cluster {
		lines = append(lines, "cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 2000", "cluster-port "+strconv.Itoa(ports.Free(tb)))
	}
	s.write(append(lines, o.Set...))
	s.Run()
	return s
}

func (s *Server) write(lines []string) {
	s.tb.Helper()
	if err := os.WriteFile(s.config(), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *Server) config() string { return filepath.Join(s.folder, "server.conf") }

// Run starts a server that was killed, without what it held unless it has kept that.
func (s *Server) Run() {
	s.tb.Helper()
	arguments := []string{s.config()}
	if s.sentinel {
		arguments = append(arguments, "--sentinel")
	}
	cmd := exec.Command(Program(s.tb), arguments...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		close(done)
	}()
	s.mu.Lock()
	s.cmd, s.done = cmd, done
	s.mu.Unlock()
	s.tb.Cleanup(s.Kill)
	for deadline := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", s.Addr)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-done:
			s.tb.Fatalf("the server has ended:\n%s", output.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.tb.Fatalf("the server does not listen: %v", err)
		}
	}
}

// Kill ends the server at once.
func (s *Server) Kill() {
	s.mu.Lock()
	cmd, done := s.cmd, s.done
	s.mu.Unlock()
	_ = cmd.Process.Kill() // it may have ended
	<-done
}

// Freeze stops the server, whose connections stay open.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.tb.Fatal(err)
	}
}

// Do runs a command on a server without TLS and returns the reply as it came.
func (s *Server) Do(command ...string) string {
	s.tb.Helper()
	reply, err := s.try(command...)
	if err != nil {
		s.tb.Fatalf("%s: %v", command, err)
	}
	return reply
}

// Password is what the server wants from now on of Do.
func (s *Server) Password(password string) { s.password = password }

func (s *Server) try(command ...string) (string, error) {
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience)) // it has one
	r := bufio.NewReader(conn)
	if s.password != "" && !s.sentinel {
		if reply, err := ask(conn, r, "AUTH", s.password); err != nil || reply != "OK" {
			return "", fmt.Errorf("auth: %s %w", reply, err)
		}
	}
	return ask(conn, r, command...)
}

func ask(w io.Writer, r *bufio.Reader, command ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(command))
	for _, word := range command {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return "", err
	}
	return reply(r)
}

func reply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	switch line[0] {
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 {
			return "", err
		}
		text := make([]byte, n+2)
		_, err = io.ReadFull(r, text)
		return string(text[:n]), err
	case '*':
		n, err := strconv.Atoi(line[1:])
		if err != nil {
			return "", err
		}
		var all []string
		for range n {
			one, err := reply(r)
			if err != nil {
				return "", err
			}
			all = append(all, one)
		}
		return strings.Join(all, "\n"), nil
	default:
		return line[1:], nil
	}
}

// Until waits until the reply to a command has a text in it.
func (s *Server) Until(text string, command ...string) {
	s.tb.Helper()
	var last string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if last, _ = s.try(command...); strings.Contains(last, text) {
			return
		}
	}
	s.tb.Fatalf("%s does not say %q, but\n%s", command, text, last)
}

// Synced waits until a replica has what its master has.
func (s *Server) Synced() {
	s.tb.Helper()
	s.Until("master_link_status:up", "INFO", "replication")
}

// Promote makes a replica a master.
func (s *Server) Promote() {
	s.tb.Helper()
	s.Do("REPLICAOF", "NO", "ONE")
}

// Demote makes a master a replica.
func (s *Server) Demote(of *Server) {
	s.tb.Helper()
	s.Do("REPLICAOF", "127.0.0.1", strconv.Itoa(of.port))
}

// Fill leaves a server no memory for what it is told to keep.
func (s *Server) Fill() {
	s.tb.Helper()
	s.Do("CONFIG", "SET", "maxmemory-policy", "noeviction")
	s.Do("CONFIG", "SET", "maxmemory", "1")
}

// Empty gives it memory again.
func (s *Server) Empty() {
	s.tb.Helper()
	s.Do("CONFIG", "SET", "maxmemory", "0")
}

// Watched starts a sentinel that fails a master over to a replica when the master is gone for half a second.
func Watched(tb testing.TB, master *Server) *Server {
	tb.Helper()
	s := &Server{tb: tb, folder: tb.TempDir(), port: ports.Free(tb), sentinel: true}
	s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
	lines := []string{
		"bind 127.0.0.1", "port " + strconv.Itoa(s.port), "dir " + s.folder,
		"sentinel monitor shared 127.0.0.1 " + strconv.Itoa(master.port) + " 1",
		"sentinel down-after-milliseconds shared 500", "sentinel failover-timeout shared 5000",
	}
	if master.password != "" {
		lines = append(lines, "sentinel auth-pass shared "+master.password)
	}
	s.write(lines)
	s.Run()
	s.Until("slave", "SENTINEL", "replicas", "shared")
	return s
}

// Clustered starts a cluster of three nodes.
func Clustered(tb testing.TB) []*Server {
	tb.Helper()
	nodes := make([]*Server, 3)
	for i := range nodes {
		nodes[i] = Start(tb, Options{Cluster: true})
		slots := [...][2]string{{"0", "5460"}, {"5461", "10921"}, {"10922", "16383"}}[i]
		nodes[i].Do("CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1])
		nodes[i].Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
	}
	for _, node := range nodes[1:] {
		port := strings.TrimSpace(strings.Split(node.Do("CONFIG", "GET", "cluster-port"), "\n")[1])
		nodes[0].Do("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(node.port), port)
	}
	for _, node := range nodes {
		node.Until("cluster_state:ok", "CLUSTER", "INFO")
		node.Until("cluster_known_nodes:3", "CLUSTER", "INFO")
	}
	return nodes
}
