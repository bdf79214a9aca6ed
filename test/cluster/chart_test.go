package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/wafer-waf/wafer/k8s"
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

// remarks are the lines of a file of values that say what it is for: "# want: TEXT" and "# not: TEXT".
func remarks(t *testing.T, file, kind string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "# "+kind+": "); ok {
			list = append(list, strings.TrimSuffix(rest, "\n"))
		}
	}
	return list
}

func valueFiles(t *testing.T, kind string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(values, kind, "*.yaml"))
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	return files
}

// TestChartRefuses wants values that are wrong to be refused, with a message that says which and why.
func TestChartRefuses(t *testing.T) {
	for _, file := range valueFiles(t, "refused") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			out, err := helm(t, "template", "wafer", chart, "-f", filepath.Join("test/cluster", file))
			if err == nil {
				t.Fatalf("it is rendered:\n%s", out)
			}
			for _, want := range remarks(t, file, "want") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("it is refused without %q:\n%v", want, err)
				}
			}
		})
	}
}

// TestChartAccepts holds what the chart makes of values to the types of the API, and to what the file of
// values says that it is for.
func TestChartAccepts(t *testing.T) {
	for _, file := range valueFiles(t, "accepted") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r := withValues(t, strings.TrimSuffix(strings.TrimPrefix(file, values+"/"), ".yaml"))
			strict(t, r)
			wants := remarks(t, file, "want")
			for _, want := range wants {
				if !strings.Contains(r.yaml, want) {
					t.Errorf("there is no %q", want)
				}
			}
			nots := remarks(t, file, "not")
			for _, not := range nots {
				if strings.Contains(r.yaml, not) {
					t.Errorf("there is %q", not)
				}
			}
			if len(wants)+len(nots) == 0 {
				t.Error("the file wants nothing")
			}
		})
	}
}

// TestChartReleases shows two releases in one namespace: none of their objects is the other's, neither selects
// the other's pods, and nothing is of the whole cluster.
func TestChartReleases(t *testing.T) {
	one := chartOf(t, chart)
	out, err := helm(t, "template", "edge", chart, "-n", "wafer", "--set", "fullnameOverride=,verify.schedule=@daily")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, o := range one.objects {
		seen[o.Kind+" "+o.Name] = true
		if o.Namespace != "wafer" {
			t.Errorf("%s %s is in no namespace", o.Kind, o.Name)
		}
	}
	others := 0
	for doc := range strings.SplitSeq("\n"+out, "\n---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatal(err)
		}
		if o.Kind == "" {
			continue
		}
		others++
		if seen[o.Kind+" "+o.Name] || !strings.HasPrefix(o.Name, "edge-wafer") {
			t.Errorf("%s %s is in both releases", o.Kind, o.Name)
		}
		if o.Kind == "Service" {
			var s core.Service
			if err := yaml.UnmarshalStrict([]byte(doc), &s); err != nil {
				t.Fatal(err)
			}
			pods := as[apps.Deployment](t, one, "Deployment", "wafer").Spec.Template.Labels
			if labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(pods)) {
				t.Errorf("Service %s selects pods of the other release", s.Name)
			}
		}
	}
	if others < 6 {
		t.Errorf("the second release has %d objects", others)
	}
}

// TestChartUpgrades wants a later version to change nothing that is immutable, and a change of routes to
// change nothing but the ConfigMap: the pods take it over by themselves. Boot settings are read once.
func TestChartUpgrades(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, chart))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "Chart.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	later := strings.NewReplacer("version: 0.0.0-dev", "version: 9.9.9", "appVersion: dev", "appVersion: v9.9.9").Replace(string(text))
	if err := os.WriteFile(filepath.Join(dir, "Chart.yaml"), []byte(later), 0o600); err != nil {
		t.Fatal(err)
	}
	deployment := func(r rendered) *apps.Deployment { return as[apps.Deployment](t, r, "Deployment", "wafer") }
	was, is := deployment(chartOf(t, chart)), deployment(chartOf(t, dir))
	if is.Labels["helm.sh/chart"] != "wafer-9.9.9" || is.Spec.Template.Spec.Containers[0].Image != "wafer:v9.9.9" {
		t.Errorf("the later version is %v with image %s", is.Labels, is.Spec.Template.Spec.Containers[0].Image)
	}
	is.Spec.Template.Spec.Containers[0].Image = was.Spec.Template.Spec.Containers[0].Image
	if !reflect.DeepEqual(is.Spec, was.Spec) {
		t.Errorf("more than the image differs in a later version:\n%+v\n%+v", was.Spec, is.Spec)
	}
	if routed := deployment(withValues(t, "routes")); !reflect.DeepEqual(routed, was) {
		t.Error("other routes change the Deployment: they would be a rollout")
	}
	booted := deployment(chartOf(t, chart, "--set", "boot.log.level=debug"))
	if reflect.DeepEqual(booted.Spec.Template, was.Spec.Template) || !reflect.DeepEqual(booted.Spec.Selector, was.Spec.Selector) {
		t.Error("other boot settings do not change the pods alone")
	}
}

// TestChartVerifies compares the pod of "helm test" with what "wafer k8s verify --job" prints, and so the rights.
func TestChartVerifies(t *testing.T) {
	var b bytes.Buffer
	o := k8s.JobOptions{Namespace: "wafer", Image: "wafer:dev", ConfigMap: "wafer-routes", Args: []string{"--tier", "wafer.wafer:80"}}
	if err := k8s.WriteJob(&b, o); err != nil {
		t.Fatal(err)
	}
	var job rendered
	for doc := range strings.SplitSeq("\n"+b.String(), "\n---\n") {
		one := object{text: []byte(doc)}
		if err := yaml.Unmarshal(one.text, &one); err != nil {
			t.Fatal(err)
		}
		job.objects = append(job.objects, one)
	}
	mine := chartOf(t, chart)
	want := as[batch.Job](t, job, "Job", "wafer-verify").Spec
	have := as[core.Pod](t, mine, "Pod", "wafer-verify")
	same := func(what string, a, b any) {
		t.Helper()
		x, _ := json.Marshal(a) //nolint:errcheck // types of the API are always JSON
		y, _ := json.Marshal(b) //nolint:errcheck // types of the API are always JSON
		if !bytes.Equal(x, y) {
			t.Errorf("%s differ:\n%s\n%s", what, x, y)
		}
	}
	have.Spec.Containers[0].ImagePullPolicy = ""
	want.Template.Spec.ActiveDeadlineSeconds = want.ActiveDeadlineSeconds
	same("pods", want.Template.Spec, have.Spec)
	daily := chartOf(t, chart, "--set", "verify.schedule=@daily")
	cron := as[batch.CronJob](t, daily, "CronJob", "wafer-verify").Spec.JobTemplate.Spec
	cron.Template.Spec.Containers[0].ImagePullPolicy = ""
	want.Template.Spec.ActiveDeadlineSeconds = nil
	same("Jobs", want, cron)
	for _, kind := range []string{"Role", "RoleBinding"} {
		type rights struct {
			Rules, Subjects, RoleRef any
		}
		var was, is, always rights
		for _, r := range []struct {
			from rendered
			to   *rights
		}{{job, &was}, {mine, &is}, {daily, &always}} {
			for _, o := range r.from.objects {
				if o.Kind == kind {
					if err := yaml.Unmarshal(o.text, r.to); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		same(kind, was, is)
		same(kind, was, always)
	}
}

// TestChartLint asks Helm what it thinks of the chart.
func TestChartLint(t *testing.T) {
	if out, err := helm(t, "lint", "--strict", chart); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestChartNotes reads what an installation prints: what it says has to be so.
func TestChartNotes(t *testing.T) {
	notes := func(name string, args ...string) string {
		t.Helper()
		out, err := helm(t, append([]string{"install", name, chart, "-n", "shop", "--dry-run=client"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		_, notes, _ := strings.Cut(out, "\nNOTES:\n")
		return notes
	}
	f := func(notes string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if not, ok := strings.CutPrefix(want, "!"); ok && strings.Contains(notes, not) || !ok && !strings.Contains(notes, want) {
				t.Errorf("want %q in\n%s", want, notes)
			}
		}
	}
	f(notes("wafer"), "PROTECTS NOTHING YET", "rollout status deployment/wafer\n", "helm test wafer -n shop", "networkPolicy.enabled is false", "!WARNING", "!--tier-selector")
	f(notes("edge", "--set", "routes.existingConfigMap=mine"), "deployment/edge-wafer", "ConfigMap mine", "!PROTECTS NOTHING",
		"--tier-selector app.kubernetes.io/name=edge-wafer --config-map mine")
	f(notes("wafer", "--set", "highAvailability.enabled=true,networkPolicy.enabled=true,resources.limits.memory=256Mi"),
		"replicas: 3 or more", "the memory request is the limit", "!NOTE")
}
