package prometheus

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// server is a Prometheus.
type server struct {
	t   *testing.T
	url string
}

// start runs a Prometheus that scrapes targets and evaluates files of rules.
func start(t *testing.T, targets []string, files ...string) *server {
	t.Helper()
	program, err := filepath.Abs(filepath.Join(root, "bin/tools/prometheus"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("NOT TESTED: there is no Prometheus. make bin/tools/prometheus builds it, and so does make test")
	}
	dir := t.TempDir()
	config, err := json.Marshal(map[string]any{
		"global":     map[string]any{"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
		"rule_files": files,
		"scrape_configs": []any{map[string]any{
			"job_name": "wafer", "static_configs": []any{map[string]any{"targets": targets, "labels": map[string]string{"namespace": "wafer-system"}}},
		}},
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "prometheus.yml"), config, 0o600) // JSON is YAML
	}
	if err != nil {
		t.Fatal(err)
	}
	var log printed
	c := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--enable-feature=exemplar-storage")
	c.Stdout, c.Stderr = &log, &log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if t.Failed() {
			t.Logf("Prometheus says:\n%s", log.String())
		}
	})
	at := regexp.MustCompile(`msg="Listening on" .*address=(\S+)`)
	s := &server{t: t}
	tier.Eventually(t, "Prometheus listens", func() bool {
		found := at.FindStringSubmatch(log.String())
		if found != nil {
			s.url = "http://" + found[1]
		}
		return found != nil
	})
	tier.Eventually(t, "Prometheus is ready", func() bool {
		response, err := http.Get(s.url + "/-/ready")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return s
}

// printed is what a process has printed, while it goes on.
type printed struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// ask asks the API and reads what stands in its answer under "data".
func (s *server) ask(path string, query url.Values, into any) error {
	response, err := http.Get(s.url + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	answer := struct {
		Status, Error string
		Data          any
	}{Data: into}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("%w in %s", err, text)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s", answer.Error)
	}
	return nil
}

// firing is an alert that fires.
type firing struct {
	State               string
	Labels, Annotations map[string]string
}

// fires are the hastened alerts that fire.
func (s *server) fires() map[string]firing {
	var data struct{ Alerts []firing }
	if err := s.ask("/api/v1/alerts", nil, &data); err != nil {
		s.t.Error(err)
	}
	all := map[string]firing{}
	for _, a := range data.Alerts {
		if a.State == "firing" && a.Labels[hastened] != "" {
			all[a.Labels["alertname"]] = a
		}
	}
	return all
}

// series is how many series an expression has now.
func (s *server) series(expr string) (int, error) {
	var data struct{ Result []any }
	err := s.ask("/api/v1/query", url.Values{"query": {expr}}, &data)
	return len(data.Result), err
}
