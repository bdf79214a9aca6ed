package cluster

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const (
	chart  = "charts/wafer"
	values = "testdata/chart" // files of values
)

// helm runs the pinned Helm in the root of the tree.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "bin/tools/helm"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("NOT TESTED: there is no Helm. make bin/tools/helm builds it, and so does make test")
	}
	return run("", path, args...)
}

// chartOf renders the chart of a folder as the release "wafer" in the namespace "wafer".
func chartOf(t *testing.T, folder string, args ...string) rendered {
	t.Helper()
	out, err := helm(t, append([]string{"template", "wafer", folder, "-n", "wafer"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	r := rendered{yaml: out}
	for doc := range strings.SplitSeq("\n"+out, "\n---\n") {
		one := object{text: []byte(doc)}
		if err := yaml.Unmarshal(one.text, &one); err != nil {
			t.Fatalf("%v:\n%s", err, doc)
		}
		if one.Kind != "" {
			r.objects = append(r.objects, one)
		}
	}
	return r
}

// withValues renders it with files of values.
func withValues(t *testing.T, files ...string) rendered {
	t.Helper()
	var args []string
	for _, f := range files {
		args = append(args, "-f", filepath.Join("test/cluster", values, f+".yaml"))
	}
	return chartOf(t, chart, args...)
}

// hooked reports whether an object is none of the release, but comes with "helm test".
func (o object) hooked() bool { return o.Annotations["helm.sh/hook"] != "" }

// TestChartIsTheComponents compares the chart, with the switch of each component, with what kustomize makes
// of the base and that component. A component without a switch fails: add its values as
// testdata/chart/components/NAME.yaml.
func TestChartIsTheComponents(t *testing.T) {
	equal(t, render(t, filepath.Join(root, "manifests/base")), withValues(t))
	if t.Failed() {
		return // all that follow have the same difference
	}
	there, err := os.ReadDir(filepath.Join(root, "manifests/components"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range there {
		if _, err := os.Stat(filepath.Join(values, "components", d.Name()+".yaml")); err != nil {
			t.Fatalf("the chart has no switch for component %s: %v", d.Name(), err)
		}
	}
	for _, c := range combinations {
		t.Run(strings.Join(c, "+"), func(t *testing.T) {
			var files []string
			for _, name := range c {
				files = append(files, "components/"+name)
			}
			equal(t, withComponent(t, c...), withValues(t, files...))
		})
	}
	t.Run("production", func(t *testing.T) {
		equal(t, render(t, filepath.Join(root, "manifests/overlays/production")), withValues(t, "production"))
	})
}

// equal wants the chart to have made the same objects as kustomize.
func equal(t *testing.T, manifests, chart rendered) {
	t.Helper()
	want, have := comparable(t, manifests), comparable(t, chart)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if have[name] == nil {
			t.Errorf("the chart has no %s", name)
		} else {
			tellDifference(t, name+": ", want[name], have[name])
		}
		delete(have, name)
	}
	for name := range have {
		t.Errorf("only the chart has %s", name)
	}
}

// tellDifference names what differs, and nothing else of objects that are long.
func tellDifference(t *testing.T, path string, want, have any) {
	t.Helper()
	a, isMap := want.(map[string]any)
	b, both := have.(map[string]any)
	if isMap && both {
		keys := maps.Clone(a)
		maps.Copy(keys, b)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			tellDifference(t, path+"."+key, a[key], b[key])
		}
		return
	}
	x, isList := want.([]any)
	y, both := have.([]any)
	if isList && both && len(x) == len(y) {
		for i := range x {
			tellDifference(t, fmt.Sprintf("%s[%d]", path, i), x[i], y[i])
		}
		return
	}
	if !reflect.DeepEqual(want, have) {
		t.Errorf("%s\nmanifests: %v\nchart:     %v", path, want, have)
	}
}

// bootHash is what kustomize adds to the name of the boot settings.
var bootHash = regexp.MustCompile(`\bwafer-boot-[a-z0-9]+\b`)

// comparable are objects by kind and name, without what tells a kustomization from a release: the labels of Helm;
// what makes a change of boot settings a rollout, which is a name here and an annotation there; the namespace.
func comparable(t *testing.T, r rendered) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for _, o := range r.objects {
		if o.hooked() || o.Kind == "Namespace" {
			continue
		}
		var m map[string]any
		if err := yaml.Unmarshal(bootHash.ReplaceAll(o.text, []byte("wafer-boot")), &m); err != nil {
			t.Fatal(err)
		}
		if o.Namespace != "" && o.Namespace != "wafer" {
			t.Errorf("%s %s is in namespace %q", o.Kind, o.Name, o.Namespace)
		}
		metadata := m["metadata"].(map[string]any)
		delete(metadata, "namespace")
		list, _ := metadata["labels"].(map[string]any)
		for _, l := range []string{"app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"} {
			delete(list, l)
		}
		if _, own := list["app.kubernetes.io/name"]; !own || o.Kind == "ConfigMap" || o.Kind == "PriorityClass" {
			delete(metadata, "labels") // what kustomize generates has none
		}
		if o.Kind == "Deployment" {
			pod := m["spec"].(map[string]any)["template"].(map[string]any)["metadata"].(map[string]any)
			if notes, ok := pod["annotations"].(map[string]any); ok {
				delete(notes, "checksum/boot")
			}
		}
		if subjects, ok := m["subjects"].([]any); ok { // kustomize adds their namespace with that of all
			for _, s := range subjects {
				delete(s.(map[string]any), "namespace")
			}
		}
		if data, ok := m["data"].(map[string]any); ok { // files of YAML, which comments do not tell apart
			for name, text := range data {
				var content any
				if err := yaml.Unmarshal([]byte(text.(string)), &content); err != nil {
					t.Fatalf("%s %s: %v", o.Name, name, err)
				}
				data[name] = content
			}
		}
		all[o.Kind+" "+metadata["name"].(string)] = m
	}
	return all
}
