// Package notify tells Kubernetes what a pod of the tier wants people to see: an event, and a condition of the
// pod, both shown by kubectl describe. It asks the API server with the token that is mounted into the pod, on a goroutine
// of its own: no request waits for it, and a cluster that does not answer costs a line of the log.
//
// It takes the rights to create events and to patch the status of pods, and no others.
package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// News is what is told: of the condition whether it holds, of the event that something has changed.
type News struct {
	Good    bool   // whether all is as it should be; the first news that is good makes no event
	Reason  string // one word, in camel case
	Message string
}

// Condition is the type of the pod's condition.
const Condition = "wafer-waf.github.io/ConfigurationInForce"

// Notifier tells news about one pod. Tell may be called concurrently, Run once.
type Notifier struct {
	api                 string // of the server
	namespace, pod, uid string
	token               string // file; it is renewed
	client              *http.Client
	log                 zerolog.Logger
	news                chan News
	retry               time.Duration
}

// account is where Kubernetes mounts what a pod needs to ask the API server.
const account = "/var/run/secrets/kubernetes.io/serviceaccount"

// New returns a notifier for the pod that this process runs in, as its environment says.
func New(env func(string) string, log zerolog.Logger) (*Notifier, error) {
	return newAt(account, env, log)
}

func newAt(dir string, env func(string) string, log zerolog.Logger) (*Notifier, error) {
	host, port := env("KUBERNETES_SERVICE_HOST"), env("KUBERNETES_SERVICE_PORT")
	if host == "" {
		return nil, errors.New("KUBERNETES_SERVICE_HOST is not set: this is no pod of a cluster")
	}
	namespace, err := os.ReadFile(filepath.Join(dir, "namespace"))
	if err != nil {
		return nil, fmt.Errorf("%w: is the service account's token mounted?", err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(ca) {
		return nil, errors.New("no certificate in " + filepath.Join(dir, "ca.crt"))
	}
	pod := env("POD_NAME")
	if pod == "" {
		if pod, err = os.Hostname(); err != nil {
			return nil, err
		}
	}
	return &Notifier{
		api: "https://" + net.JoinHostPort(host, cmp.Or(port, "443")), namespace: strings.TrimSpace(string(namespace)),
		pod: pod, uid: env("POD_UID"), token: filepath.Join(dir, "token"), log: log,
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true, // there is news once in days
		}},
		news: make(chan News, 1), retry: 10 * time.Second,
	}, nil
}

// Tell replaces news that has not been told yet. It does not wait.
func (r *Notifier) Tell(n News) {
	for {
		select {
		case r.news <- n:
			return
		default:
		}
		select {
		case <-r.news:
		default:
		}
	}
}

// Run tells news until ctx ends. What the API server does not take is told again, longer and longer apart,
// until there is other news.
func (r *Notifier) Run(ctx context.Context) {
	var now News
	var again <-chan time.Time // not nil: now was not taken
	wait, first, quiet := r.retry, true, false
	for {
		select {
		case <-ctx.Done():
			return
		case next := <-r.news:
			if next == now && again == nil {
				continue
			}
			now, quiet, wait = next, first && next.Good, r.retry
			first = false
		case <-again:
		}
		again = nil
		if err := r.send(ctx, now, quiet); err != nil && ctx.Err() == nil {
			r.log.Warn().Err(err).Msg("tell Kubernetes")
			again = time.After(wait)
			wait = min(2*wait, longestWait)
		}
	}
}

// longestWait is how far apart news is told again that the API server has not taken.
const longestWait = 10 * time.Minute

// send sets the condition and, unless it is quiet, makes an event.
func (r *Notifier) send(ctx context.Context, n News, quiet bool) error {
	now := time.Now().UTC().Format(time.RFC3339)
	status, kind := "False", "Warning"
	if n.Good {
		status, kind = "True", "Normal"
	}
	message := cut(n.Message)
	err := r.ask(ctx, http.MethodPatch, "pods/"+r.pod+"/status", "application/strategic-merge-patch+json", map[string]any{
		"status": map[string]any{"conditions": []any{map[string]any{
			"type": Condition, "status": status, "reason": n.Reason, "message": message, "lastTransitionTime": now,
		}}},
	})
	if quiet {
		return err
	}
	pod := map[string]any{"apiVersion": "v1", "kind": "Pod", "namespace": r.namespace, "name": r.pod, "uid": r.uid}
	return errors.Join(err, r.ask(ctx, http.MethodPost, "events", "application/json", map[string]any{
		"apiVersion": "v1", "kind": "Event",
		"metadata":       map[string]any{"generateName": r.pod + ".", "namespace": r.namespace},
		"involvedObject": pod, "type": kind, "reason": n.Reason, "message": message,
		"source": map[string]any{"component": "wafer"}, "firstTimestamp": now, "lastTimestamp": now, "count": 1,
		"reportingComponent": "wafer-waf.github.io/wafer", "reportingInstance": r.pod,
	}))
}

// maxMessage is how long the message of an event may be.
const maxMessage = 1024

func cut(text string) string {
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage-len("…")], "") + "…"
	}
	return text
}

// ask sends a document to the API server.
func (r *Notifier) ask(ctx context.Context, method, path, contentType string, document any) error {
	token, err := os.ReadFile(r.token)
	if err != nil {
		return err
	}
	body, err := json.Marshal(document)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, r.api+"/api/v1/namespaces/"+r.namespace+"/"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	request.Header.Set("Content-Type", contentType)
	response, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 2048)) // for the message, whole or not
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, strings.TrimSpace(string(answer)))
	}
	return nil
}
