package k8s

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	machineryyaml "k8s.io/apimachinery/pkg/util/yaml"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

// Objects are the manifests that matter to the tier, in the order in which they were
// read. Other kinds are skipped. Of two with the same kind, namespace and name, the later
// one counts.
type Objects struct {
	Services     []core.Service
	Ingresses    []networking.Ingress
	HTTPRoutes   []gateway.HTTPRoute
	Policies     []networking.NetworkPolicy
	StatefulSets []apps.StatefulSet
	Deployments  []apps.Deployment
	DaemonSets   []apps.DaemonSet
	Pods         []core.Pod
	ConfigMaps   []core.ConfigMap

	// Namespace is what objects get that name none.
	Namespace string
}

// ReadFiles adds the manifests of files and directories, "-" standing for stdin. Of a
// directory, all files below it that end in .yaml, .yml or .json are read.
func (o *Objects) ReadFiles(paths []string, stdin io.Reader) error {
	for _, p := range paths {
		if p == "-" {
			if err := o.Read("stdin", stdin); err != nil {
				return err
			}
			continue
		}
		err := filepath.WalkDir(p, func(file string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() || file != p && !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(file)) {
				return nil
			}
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			return o.Read(file, f)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Read adds the manifests of one stream: YAML documents, or JSON. The name stands in
// errors.
func (o *Objects) Read(name string, r io.Reader) error {
	docs := machineryyaml.NewYAMLReader(bufio.NewReader(r))
	for n := 1; ; n++ {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = o.add(doc)
		}
		if err != nil {
			return fmt.Errorf("%s: document %d: %w", name, n, err)
		}
	}
}

// add takes one document: an object or a list of objects.
func (o *Objects) add(doc []byte) error {
	var head struct {
		meta.TypeMeta `json:",inline"`
		Metadata      struct{ Name, Namespace string } `json:"metadata"`
		Items         []runtime.RawExtension           `json:"items"`
	}
	if len(bytes.TrimSpace(doc)) == 0 {
		return nil
	}
	if err := yaml.Unmarshal(doc, &head); err != nil {
		return err
	}
	if head.Items != nil {
		for i, item := range head.Items {
			if err := o.add(typed(item.Raw, head.TypeMeta)); err != nil {
				return fmt.Errorf("items[%d]: %w", i, err)
			}
		}
		return nil
	}
	var err error
	switch head.APIVersion + " " + head.Kind {
	case "v1 Service":
		err = read(o, &o.Services, doc)
	case "v1 ConfigMap":
		err = read(o, &o.ConfigMaps, doc)
	case "networking.k8s.io/v1 Ingress":
		err = read(o, &o.Ingresses, doc)
	case "networking.k8s.io/v1 NetworkPolicy":
		err = read(o, &o.Policies, doc)
	case "gateway.networking.k8s.io/v1 HTTPRoute":
		err = read(o, &o.HTTPRoutes, doc)
	case "apps/v1 StatefulSet":
		err = readLoosely(o, &o.StatefulSets, doc)
	case "apps/v1 Deployment":
		err = readLoosely(o, &o.Deployments, doc)
	case "apps/v1 DaemonSet":
		err = readLoosely(o, &o.DaemonSets, doc)
	case "v1 Pod":
		err = readLoosely(o, &o.Pods, doc)
	}
	if err != nil {
		return fmt.Errorf("%s %q: %w", head.Kind, head.Metadata.Name, err)
	}
	return nil
}

// typed gives an item of a typed list, as the API returns it, the kind that only the list
// names.
func typed(item []byte, list meta.TypeMeta) []byte {
	var m map[string]any
	kind, isTyped := bytes.CutSuffix([]byte(list.Kind), []byte("List"))
	if !isTyped || len(kind) == 0 || yaml.Unmarshal(item, &m) != nil || m["kind"] != nil {
		return item
	}
	m["apiVersion"], m["kind"] = list.APIVersion, string(kind)
	out, err := yaml.Marshal(m)
	if err != nil {
		return item
	}
	return out
}

// object is a pointer to a typed manifest.
type object[T any] interface {
	*T
	meta.Object
}

// read takes an object strictly: a field that these types do not know would be missing in
// what is printed.
func read[T any, P object[T]](o *Objects, list *[]T, doc []byte) error {
	var v T
	if err := yaml.UnmarshalStrict(doc, &v); err != nil {
		return err
	}
	return keep[T, P](o, list, v)
}

// readLoosely takes an object that is looked at and never printed: what these types do not
// know of it, because the cluster is newer, does not matter.
func readLoosely[T any, P object[T]](o *Objects, list *[]T, doc []byte) error {
	var v T
	if err := yaml.Unmarshal(doc, &v); err != nil {
		return err
	}
	return keep[T, P](o, list, v)
}

// keep adds an object, or puts it in the place of an earlier one.
func keep[T any, P object[T]](o *Objects, list *[]T, v T) error {
	p := P(&v)
	if p.GetName() == "" {
		return errors.New("has no metadata.name")
	}
	if p.GetNamespace() == "" {
		p.SetNamespace(cmp.Or(o.Namespace, "default"))
	}
	same := func(x T) bool { return P(&x).GetName() == p.GetName() && P(&x).GetNamespace() == p.GetNamespace() }
	if i := slices.IndexFunc(*list, same); i >= 0 {
		(*list)[i] = v
		return nil
	}
	*list = append(*list, v)
	return nil
}

// service returns the Service of that name, or nil.
func (o *Objects) service(namespace, name string) *core.Service {
	for i := range o.Services {
		if s := &o.Services[i]; s.Namespace == namespace && s.Name == name {
			return s
		}
	}
	return nil
}

// configMap returns the ConfigMap of that name, or nil.
func (o *Objects) configMap(namespace, name string) *core.ConfigMap {
	for i := range o.ConfigMaps {
		if m := &o.ConfigMaps[i]; m.Namespace == namespace && m.Name == name {
			return m
		}
	}
	return nil
}

// policyFor returns the policy that closes the way around to a Service, or nil.
func (o *Objects) policyFor(namespace, service string) *networking.NetworkPolicy {
	for i := range o.Policies {
		if np := &o.Policies[i]; np.Namespace == namespace && np.Labels[protectsLabel] == service && np.Name == service+policySuffix {
			return np
		}
	}
	return nil
}
