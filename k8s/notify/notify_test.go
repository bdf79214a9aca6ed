package notify

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// api is an API server that a test hears of what it is asked.
type api struct {
	asked chan string // method, path, content type and what is told
	fail  chan int    // status of the next answer, if there is one
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var doc struct {
		Type, Reason, Message string
		InvolvedObject        struct{ Kind, Name, UID string }
		Status                struct {
			Conditions []struct{ Type, Status, Reason, Message string }
		}
	}
	told := ""
	switch err := json.Unmarshal(body, &doc); {
	case err != nil || r.Header.Get("Authorization") != "Bearer secret":
		told = fmt.Sprint(err, r.Header)
	case len(doc.Status.Conditions) == 1:
		told = fmt.Sprint(doc.Status.Conditions[0])
	default:
		told = fmt.Sprint(doc.Type, " ", doc.Reason, " ", doc.Message, " ", doc.InvolvedObject)
	}
	a.asked <- strings.Join([]string{r.Method, r.URL.Path, r.Header.Get("Content-Type"), told}, " ")
	select {
	case status := <-a.fail:
		http.Error(w, "no", status)
	default:
		w.WriteHeader(http.StatusCreated)
	}
}

// newPod is a notifier in a pod whose API server is the test's.
func newPod(t *testing.T) (*Notifier, *api) {
	t.Helper()
	a := &api{asked: make(chan string, 100), fail: make(chan int, 10)}
	s := httptest.NewTLSServer(a)
	t.Cleanup(s.Close)
	host, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	dir := t.TempDir()
	for name, text := range map[string]string{
		"namespace": "shop", "token": "secret\n",
		"ca.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, "POD_NAME": "wafer-1", "POD_UID": "u-1"}
	r, err := newAt(dir, func(name string) string { return env[name] }, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	r.retry = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return r, a
}

func (a *api) want(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		select {
		case got := <-a.asked:
			if got != line {
				t.Errorf("asked\n%s, want\n%s", got, line)
			}
		case <-time.After(time.Minute):
			t.Fatalf("not asked %s", line)
		}
	}
	select {
	case got := <-a.asked:
		t.Errorf("asked too: %s", got)
	default:
	}
}

const (
	patch = "PATCH /api/v1/namespaces/shop/pods/wafer-1/status application/strategic-merge-patch+json {" + Condition + " "
	event = "POST /api/v1/namespaces/shop/events application/json "
	about = " {Pod wafer-1 u-1}"
)

func TestNotify(t *testing.T) {
	r, a := newPod(t)
	good := News{Good: true, Reason: "ConfigurationInForce", Message: "a"}
	bad := News{Reason: "ConfigurationRefused", Message: "b"}
	r.Tell(good) // which is ordinary, and no event
	a.want(t, patch+"True ConfigurationInForce a}")
	r.Tell(good)
	r.Tell(bad) // in time or not, the same is not told twice
	a.want(t, patch+"False ConfigurationRefused b}", event+"Warning ConfigurationRefused b"+about)
	r.Tell(good)
	a.want(t, patch+"True ConfigurationInForce a}", event+"Normal ConfigurationInForce a"+about)
}

// TestNotifyAgain tells what the API server did not take.
func TestNotifyAgain(t *testing.T) {
	r, a := newPod(t)
	a.fail <- http.StatusForbidden
	a.fail <- http.StatusInternalServerError
	r.Tell(News{Reason: "NoConfiguration", Message: strings.Repeat("x", 2*maxMessage)})
	long := strings.Repeat("x", maxMessage-len("…")) + "…"
	both := []string{patch + "False NoConfiguration " + long + "}", event + "Warning NoConfiguration " + long + about}
	a.want(t, append(both, both...)...)
}

func TestNoPod(t *testing.T) {
	if _, err := newAt(t.TempDir(), func(string) string { return "" }, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "no pod") {
		t.Errorf("error %v", err)
	}
	if _, err := newAt(t.TempDir(), func(string) string { return "x" }, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("error %v", err)
	}
}
