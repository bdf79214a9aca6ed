package docs

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

// cluster is the API of a cluster as far as documents need one: objects come and go as kubectl apply and
// kubectl delete have them, every field has to be one of its kind, and nobody acts on them.
//
// It is safe for concurrent use.
type cluster struct {
	url    string
	decode runtime.Decoder

	mu      sync.Mutex
	objects map[key]map[string]any
}

// key is lower case, as kubectl's arguments are.
type key struct{ kind, namespace, name string }

func newCluster(t *testing.T) *cluster {
	t.Helper()
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, gateway.Install} {
		if err := add(known); err != nil {
			t.Fatal(err)
		}
	}
	c := &cluster{
		decode:  serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer(),
		objects: map[key]map[string]any{},
	}
	text, err := os.ReadFile("testdata/cluster.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.change("apply", text, "default"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// kubeconfig is for "wafer k8s", which asks the API itself.
func (c *cluster) kubeconfig() []byte {
	return fmt.Appendf(nil, `{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"c","cluster":{"server":%q}}],
"users":[{"name":"u","user":{}}],"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}]}`, c.url)
}

// ServeHTTP answers the paths of the API that are read, and what the stand-in for kubectl asks.
func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	answer, err := any(nil), error(nil)
	switch r.URL.Path {
	case "/apply", "/delete":
		var text []byte
		if text, err = io.ReadAll(r.Body); err == nil {
			answer, err = c.change(r.URL.Path[1:], text, q.Get("namespace"))
		}
	case "/get", "/exists":
		found := c.find(strings.Split(q.Get("kinds"), ","), q.Get("namespace"), q.Get("name"))
		switch {
		case len(found) == 0:
			err = fmt.Errorf("not found: %s", r.URL.RawQuery)
		case r.URL.Path == "/exists":
			answer = ""
		case q.Has("name"):
			answer = found[0]
		default:
			answer = map[string]any{"apiVersion": "v1", "kind": "List", "items": found}
		}
	default:
		c.api(w, r)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	if s, ok := answer.(string); ok {
		fmt.Fprint(w, s)
		return
	}
	text, err := yaml.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(text)
}

// api answers as an API server does: the list of a resource, or one object.
func (c *cluster) api(w http.ResponseWriter, r *http.Request) {
	if _, asked, ok := strings.Cut(r.URL.Path, "/proxy"); ok {
		c.tier(w, strings.Split(r.URL.Path, "/")[4], asked)
		return
	}
	_, rest, namespaced := strings.Cut(r.URL.Path, "/namespaces/")
	namespace, resource, name := "", path.Base(r.URL.Path), ""
	if namespaced {
		parts := strings.Split(rest, "/")
		namespace, resource = parts[0], parts[1]
		if len(parts) > 2 {
			name = parts[2]
		}
	}
	found := c.find([]string{resource}, namespace, name)
	if name != "" && len(found) == 0 {
		http.NotFound(w, r)
		return
	}
	var answer any = map[string]any{"apiVersion": "v1", "kind": "List", "items": found}
	if name != "" {
		answer = found[0]
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // the client may have gone
}

// tier answers for the admin listener of a pod of the tier, which serves at once what its ConfigMap says
// and has had no request.
func (c *cluster) tier(w http.ResponseWriter, namespace, asked string) {
	if asked != "/api/v1/routes" {
		return
	}
	var file struct {
		Routes []struct {
			ID    string   `json:"id"`
			Hosts []string `json:"hosts"`
		} `json:"routes"`
	}
	for _, m := range c.find([]string{"configmap"}, namespace, "wafer-routes") {
		data, _ := m["data"].(map[string]any)
		text, _ := data["routes.yaml"].(string)
		if err := yaml.Unmarshal([]byte(text), &file); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	_ = json.NewEncoder(w).Encode(file.Routes) // the client may have gone
}

// find returns objects by kind, in any of its spellings, sorted.
func (c *cluster) find(kinds []string, namespace, name string) []map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	var keys []key
	for k := range c.objects {
		if slices.ContainsFunc(kinds, func(kind string) bool { return spelled(kind, k.kind) }) &&
			(namespace == "" || k.namespace == namespace) && (name == "" || k.name == name) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b key) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	found := []map[string]any{}
	for _, k := range keys {
		found = append(found, c.objects[k])
	}
	return found
}

// spelled reports whether a word is a kind's name: service, services, ingresses, networkpolicies.
func spelled(word, kind string) bool {
	return word == kind || word == kind+"s" || word == kind+"es" || word == strings.TrimSuffix(kind, "y")+"ies"
}

// change applies or deletes objects, and returns what kubectl prints.
func (c *cluster) change(verb string, text []byte, namespace string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var said strings.Builder
	docs := documents(text)
	for len(docs) > 0 {
		var o map[string]any
		if err := yaml.Unmarshal(docs[0], &o); err != nil {
			return "", err
		}
		docs = docs[1:]
		if o["kind"] == "List" {
			items, _ := o["items"].([]any)
			for _, i := range items {
				one, err := yaml.Marshal(i)
				if err != nil {
					return "", err
				}
				docs = append(docs, one)
			}
			continue
		}
		if o == nil {
			continue // only comments
		}
		if err := c.one(verb, o, namespace); err != nil {
			return "", err
		}
		fmt.Fprintf(&said, "%s %s\n", o["kind"], verb)
	}
	if said.Len() == 0 {
		return "", fmt.Errorf("nothing to %s", verb)
	}
	return said.String(), nil
}

func (c *cluster) one(verb string, o map[string]any, namespace string) error {
	meta, _ := o["metadata"].(map[string]any)
	kind, _ := o["kind"].(string)
	name, _ := meta["name"].(string)
	if ns, ok := meta["namespace"].(string); ok {
		namespace = ns
	}
	if meta != nil {
		meta["namespace"] = namespace
	}
	k := key{strings.ToLower(kind), namespace, name}
	if verb == "delete" {
		if c.objects[k] == nil {
			return fmt.Errorf("not found: %v", k)
		}
		delete(c.objects, k)
		return nil
	}
	merged := merge(c.objects[k], o)
	text, err := json.Marshal(merged)
	if err != nil {
		return err
	}
	if _, _, err := c.decode.Decode(text, nil, nil); err != nil && !runtime.IsNotRegisteredError(err) {
		return fmt.Errorf("%v: %w", k, err)
	}
	c.objects[k] = merged
	return nil
}

// merge is a merge patch (RFC 7386), which is what an apply amounts to where it takes nothing out.
func merge(into, patch map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range into {
		out[k] = v
	}
	for k, v := range patch {
		inner, isMap := v.(map[string]any)
		switch {
		case v == nil:
			delete(out, k)
		case isMap:
			old, _ := out[k].(map[string]any)
			out[k] = merge(old, inner)
		default:
			out[k] = v
		}
	}
	return out
}
