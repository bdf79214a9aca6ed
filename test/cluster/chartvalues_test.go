package cluster

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/wafer-waf/wafer/k8s"
)

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
	is.Spec.Template.Spec.InitContainers[0].Image = was.Spec.Template.Spec.InitContainers[0].Image
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
		x, _ := json.Marshal(a) // types of the API are always JSON
		y, _ := json.Marshal(b) // types of the API are always JSON
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
