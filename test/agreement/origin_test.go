package agreement

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

//go:embed testdata
var scripts embed.FS

// origin is a server that reports what a parser reads.
type origin struct {
	name string
	url  string
}

// pace is how many connections to an origin are busy at once.
const pace = 2

// startOrigins starts the origins whose parsers are installed, and names the others.
func startOrigins(t *testing.T) []origin {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, scripts); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "testdata")
	list := []origin{{"go", serve(t, http.HandlerFunc(goOrigin))}}
	add := func(name string, start func() string, programs ...string) {
		for _, p := range programs {
			if _, err := exec.LookPath(p); err != nil {
				t.Logf("left out: %s, since %s is not installed", name, p)
				return
			}
		}
		list = append(list, origin{name, start()})
	}
	add("php", func() string { return serve(t, startPHP(t, filepath.Join(dir, "origin.php"))) }, "php-cgi")
	python := python()
	add("python", func() string { return startServer(t, python, filepath.Join(dir, "origin.py")) }, python)
	add("node", func() string { return startServer(t, "node", filepath.Join(dir, "origin.js")) }, "node")
	add("ruby", func() string { return serve(t, startPipes(t, "ruby", filepath.Join(dir, "origin.rb"))) }, "ruby")
	if exec.Command("perl", "-MCGI", "-MJSON::PP", "-e1").Run() != nil {
		t.Log("left out: perl, since CGI.pm is not installed")
	} else {
		add("perl", func() string { return serve(t, startPipes(t, "perl", filepath.Join(dir, "origin.pl"))) }, "perl")
	}
	return list
}

// python is the interpreter of the distribution if there is one: that one has the packages
// which the distribution has installed.
func python() string {
	const system = "/usr/bin/python3"
	if _, err := os.Stat(system); err == nil {
		return system
	}
	return "python3"
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// start runs a program that ends with the test. What it writes to standard error is in the
// test's log if the test fails.
func start(t *testing.T, c *exec.Cmd) {
	t.Helper()
	var stderr bytes.Buffer
	c.Stderr = &stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	// Where the distribution puts packages for Node.
	c.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "NODE_PATH=/usr/share/nodejs", "PHP_FCGI_MAX_REQUESTS=0", "PHP_FCGI_CHILDREN=0")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		_ = c.Wait()         // by that signal
		if t.Failed() && stderr.Len() > 0 {
			t.Logf("standard error of %s:\n%.4000s", c.Path, stderr.String())
		}
	})
}

// startServer runs a program that serves HTTP and prints its port.
func startServer(t *testing.T, program string, args ...string) string {
	t.Helper()
	c := exec.Command(program, args...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, c)
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("port of %s: %v", program, err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// startPHP runs php-cgi as a FastCGI server and returns a handler that has it run a script.
func startPHP(t *testing.T, script string) http.Handler {
	t.Helper()
	addr := filepath.Join(t.TempDir(), "php.sock")
	pool := make(chan *fastCGI, pace)
	for i := range pace {
		// A process serves one connection at a time.
		path := addr + strconv.Itoa(i)
		start(t, exec.Command("php-cgi", "-b", path, "-d", "max_input_vars=10000", "-d", "display_errors=0"))
		await(t, path)
		f := &fastCGI{path: path}
		t.Cleanup(func() { f.close() })
		pool <- f
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		params := [][2]string{{"SCRIPT_FILENAME", script}, {"GATEWAY_INTERFACE", "CGI/1.1"}, {"REDIRECT_STATUS", "200"}}
		for k, v := range cgi(req, len(body)) {
			params = append(params, [2]string{k, v})
		}
		f := <-pool
		out, err := f.do(params, body)
		pool <- f
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, text, _ := bytes.Cut(out, []byte("\r\n\r\n"))
		_, _ = w.Write(text) // nobody is left to tell
	})
}

// await waits until somebody listens at a socket.
func await(t *testing.T, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("no server at %s", path)
		}
	}
}

// cgi are the variables of a request as CGI names them.
func cgi(req *http.Request, length int) map[string]string {
	vars := map[string]string{
		"REQUEST_METHOD": req.Method, "QUERY_STRING": req.URL.RawQuery, "SERVER_PROTOCOL": "HTTP/1.1",
		"SCRIPT_NAME": "", "PATH_INFO": "/", "SERVER_NAME": "agree.test", "SERVER_PORT": "80",
		"REQUEST_URI": req.RequestURI, "REMOTE_ADDR": "127.0.0.1",
		"CONTENT_TYPE": req.Header.Get("Content-Type"), "CONTENT_LENGTH": strconv.Itoa(length),
		"HTTP_COOKIE": strings.Join(req.Header.Values("Cookie"), "; "),
	}
	if coding := req.Header.Get("Content-Encoding"); coding != "" {
		vars["HTTP_CONTENT_ENCODING"] = coding
	}
	return vars
}

// pipe is a program that answers lines with lines.
type pipe struct {
	in  io.Writer
	out *bufio.Reader
}

// startPipes runs a program that reads requests from standard input, and returns a handler
// that has it report.
func startPipes(t *testing.T, program, script string) http.Handler {
	t.Helper()
	pool := make(chan *pipe, pace)
	for range pace {
		c := exec.Command(program, script)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		start(t, c)
		pool <- &pipe{in, bufio.NewReader(out)}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := requestBody(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		line := map[string]any{"body": body}
		for k, v := range cgi(req, len(body)) {
			runes := make([]rune, 0, len(v)) // one for each byte, since JSON has no bytes
			for i := range len(v) {
				runes = append(runes, rune(v[i]))
			}
			line[k] = string(runes)
		}
		p := <-pool
		defer func() { pool <- p }()
		if err := json.NewEncoder(p.in).Encode(line); err == nil {
			text, err := p.out.ReadBytes('\n')
			if err == nil {
				_, _ = w.Write(text) // nobody is left to tell
				return
			}
		}
		http.Error(w, fmt.Sprintf("%s has ended", program), http.StatusInternalServerError)
	})
}

// once runs f for each number below n, on a few goroutines that each have a client.
func once(n int, addr string, f func(c *client, i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range pace {
		wg.Go(func() {
			c := &client{addr: addr}
			defer c.close()
			for i := range next {
				f(c, i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
