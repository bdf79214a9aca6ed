package k8s

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// ParseSelector reads labels as flags give them: label=value, separated by commas.
func ParseSelector(s string) (map[string]string, error) {
	m, err := labels.ConvertSelectorToLabelsMap(s)
	if err == nil && len(m) == 0 {
		err = errors.New("no label")
	}
	if err != nil {
		return nil, fmt.Errorf("%q is not label=value, separated by commas: %w", s, err)
	}
	return m, nil
}

// answerTimeout bounds one request to the API, answerBytes what it may answer.
const (
	answerTimeout = 30 * time.Second
	answerBytes   = 256 << 20
)

// Cluster is the API of a cluster. It only reads.
type Cluster struct {
	// Namespace is that of the current context, or of the pod.
	Namespace string

	base   *url.URL
	client *http.Client
	pause  time.Duration // between two questions, while it waits
}

// Connect finds the cluster as kubectl does: KUBECONFIG, ~/.kube/config, or the pod's
// service account.
func Connect() (*Cluster, error) {
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil)
	conf, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, errors.New("there is no kubeconfig (KUBECONFIG, ~/.kube/config), and this is no pod")
	}
	if err != nil {
		return nil, err
	}
	ns, _, err := loader.Namespace()
	if err != nil {
		return nil, err
	}
	conf.Timeout = answerTimeout
	client, err := rest.HTTPClientFor(conf)
	if err != nil {
		return nil, err
	}
	base, _, err := rest.DefaultServerUrlFor(conf)
	if err != nil {
		return nil, err
	}
	return &Cluster{Namespace: cmp.Or(ns, "default"), base: base, client: client, pause: askAgain}, nil
}

// errStatus is an answer other than 200.
type errStatus struct {
	status int
	what   string
}

func (e errStatus) Error() string {
	if e.status == http.StatusForbidden {
		return e.what + ": the API refuses it, because whoever asks has no right to read that"
	}
	return fmt.Sprintf("%s: the API answers %d", e.what, e.status)
}

// get returns what the API answers, as JSON: it is read like a manifest, so that what
// comes from the cluster and what comes from files cannot differ.
func (c *Cluster) get(ctx context.Context, query url.Values, elements ...string) (io.ReadCloser, error) {
	u := *c.base
	u.Path = path.Join(append([]string{"/", u.Path}, elements...)...)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, text/plain;q=0.5")
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, errStatus{resp.StatusCode, u.Path}
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, answerBytes), resp.Body}, nil
}

// Read returns what Protect and ImportIngressNginx need to know of a namespace, and the
// ConfigMaps that are named, as namespace/name, if they are there. Routes and policies it
// reads from all namespaces, if that is allowed, because those of others may lead here.
func (c *Cluster) Read(ctx context.Context, namespace string, configMaps ...string) (*Objects, error) {
	o := &Objects{Namespace: namespace}
	const gatewayAPI, networkAPI = "apis/gateway.networking.k8s.io/v1", "apis/networking.k8s.io/v1"
	for _, l := range []struct {
		api, kind string
		all       bool // of all namespaces, if allowed
		helpful   bool // what is not allowed is done without
	}{
		{"api/v1", "services", false, false},
		{"apis/apps/v1", "statefulsets", false, false},
		{"apis/apps/v1", "deployments", false, true},
		{"apis/apps/v1", "daemonsets", false, true},
		{"api/v1", "pods", false, true},
		{networkAPI, "ingresses", false, false},
		{networkAPI, "networkpolicies", true, false},
		{gatewayAPI, "httproutes", true, false},
	} {
		err := errors.New("not asked")
		if l.all {
			err = c.list(ctx, o, l.api, l.kind)
		}
		if err != nil {
			err = c.list(ctx, o, l.api, "namespaces", namespace, l.kind)
		}
		if l.api == gatewayAPI && (missing(err) || denied(err) && c.lacks(ctx, gatewayAPI)) {
			continue
		}
		if l.helpful && (missing(err) || denied(err)) {
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	for _, m := range configMaps {
		ns, name, _ := strings.Cut(m, "/")
		if err := c.list(ctx, o, "api/v1/namespaces", ns, "configmaps", name); err != nil && !missing(err) {
			return nil, err
		}
	}
	return o, nil
}

// lacks reports whether the cluster has no such API. Who may not read what is in one gets the same answer
// whether it is there or not.
func (c *Cluster) lacks(ctx context.Context, api string) bool {
	body, err := c.get(ctx, nil, api)
	if err == nil {
		body.Close()
	}
	return missing(err)
}

// missing reports whether the API says that there is no such thing.
func missing(err error) bool {
	var status errStatus
	return errors.As(err, &status) && status.status == http.StatusNotFound
}

// denied reports whether the API says that whoever asks may not.
func denied(err error) bool {
	var status errStatus
	return errors.As(err, &status) && status.status == http.StatusForbidden
}

// list reads what a path of the API holds, a list or one object.
func (c *Cluster) list(ctx context.Context, o *Objects, elements ...string) error {
	body, err := c.get(ctx, nil, elements...)
	if err != nil {
		return err
	}
	defer body.Close()
	return o.Read(path.Join(elements...), body)
}

// Pods returns the host:port of every pod behind one port of a Service, which is a number or a name of its own, or the
// number that pods listen on.
func (c *Cluster) Pods(ctx context.Context, namespace, service, port string) ([]string, error) {
	var s core.Service
	if err := c.decode(ctx, &s, nil, "api/v1/namespaces", namespace, "services", service); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(s.Spec.Ports, func(p core.ServicePort) bool { return strconv.Itoa(int(p.Port)) == port || p.Name == port })
	var list discovery.EndpointSliceList
	query := url.Values{"labelSelector": {discovery.LabelServiceName + "=" + service}}
	if err := c.decode(ctx, &list, query, "apis/discovery.k8s.io/v1/namespaces", namespace, "endpointslices"); err != nil {
		return nil, err
	}
	found := podAddresses(list.Items, func(p discovery.EndpointPort) bool {
		return i >= 0 && deref(p.Name) == s.Spec.Ports[i].Name || strconv.Itoa(int(*p.Port)) == port
	})
	if i < 0 && len(found) == 0 {
		return nil, fmt.Errorf("service %s/%s has no port %s", namespace, service, port)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func (c *Cluster) decode(ctx context.Context, into any, query url.Values, elements ...string) error {
	body, err := c.get(ctx, query, elements...)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(body).Decode(into)
}

// text returns what the API answers as it is.
func (c *Cluster) text(ctx context.Context, elements ...string) (string, error) {
	body, err := c.get(ctx, nil, elements...)
	if err != nil {
		return "", err
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	return string(b), err
}

// podAddresses returns the host:port pairs of EndpointSlices for the ports that are wanted.
func podAddresses(slices []discovery.EndpointSlice, wanted func(discovery.EndpointPort) bool) []string {
	var out []string
	for _, s := range slices {
		for _, p := range s.Ports {
			if p.Port == nil || !wanted(p) {
				continue
			}
			for _, e := range s.Endpoints {
				for _, a := range e.Addresses {
					out = append(out, net.JoinHostPort(a, strconv.Itoa(int(*p.Port))))
				}
			}
		}
	}
	return out
}
