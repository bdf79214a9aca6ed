package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/proxy"
	apps "k8s.io/api/apps/v1"
	scaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	scheduling "k8s.io/api/scheduling/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// rendered is what kustomize makes of a folder.
type rendered struct {
	yaml    string
	objects []object
}

// object is one of them: what all have, and its text.
type object struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	text            []byte
}

// render fails the test unless the folder renders.
func render(t *testing.T, folder string) rendered {
	t.Helper()
	o := krusty.MakeDefaultOptions()
	o.PluginConfig = types.DisabledPluginConfig()
	m, err := krusty.MakeKustomizer(o).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	var r rendered
	all, err := m.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	r.yaml = string(all)
	for _, res := range m.Resources() {
		text, err := res.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		one := object{text: text}
		if err := yaml.Unmarshal(text, &one); err != nil {
			t.Fatal(err)
		}
		r.objects = append(r.objects, one)
	}
	return r
}

// as decodes the object of a kind and name; a field that the type does not have is an error.
// A missing object is nil.
func as[T any](t *testing.T, r rendered, kind, name string) *T {
	t.Helper()
	for _, o := range r.objects {
		if o.Kind == kind && (o.Name == name || strings.HasPrefix(o.Name, name+"-") && kind == "ConfigMap" && name == "wafer-boot") {
			var v T
			if err := yaml.UnmarshalStrict(o.text, &v); err != nil {
				t.Fatalf("%s %s: %v", kind, name, err)
			}
			return &v
		}
	}
	return nil
}

// folders are all that somebody may apply.
func folders(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "manifests/overlays/*"))
	if err != nil || len(found) < 3 {
		t.Fatal(found, err)
	}
	return append([]string{filepath.Join(root, "manifests/base")}, found...)
}

// withComponent renders the base with components.
func withComponent(t *testing.T, components ...string) rendered {
	t.Helper()
	return add(t, "base", components...)
}

// add makes a folder that adds components to another, and renders it.
func add(t *testing.T, to string, components ...string) rendered {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join(root, "manifests"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rel := func(path string) string {
		r, err := filepath.Rel(dir, filepath.Join(abs, path))
		if err != nil {
			t.Fatal(err)
		}
		return filepath.ToSlash(r)
	}
	text := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [" + rel(to) + "]\ncomponents:\n"
	for _, c := range components {
		text += "  - " + rel("components/"+c) + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return render(t, dir)
}

// combinations are the components as somebody would add them.
var combinations = [][]string{
	{"autoscale"}, {"autoscale", "autoscale-requests"}, {"autoscale", "high-availability"},
	{"high-availability"}, {"network-policy"}, {"monitoring"}, {"monitoring", "dashboards"}, {"ingress"}, {"gateway"}, {"endpoint-discovery"}, {"keda"}, {"events"}, {"network-policy", "events"}, {"endpoint-slices"}, {"network-policy", "events", "endpoint-slices"}, {"tls"}, {"tls", "network-policy"},
	{"upstream-secret"}, {"upstream-pod-certificate"},
	{"autoscale", "autoscale-requests", "high-availability", "network-policy", "monitoring", "ingress", "gateway", "endpoint-discovery"},
}

// TestComponents holds each component, alone and with others, to types of the API: a field that
// does not exist is an error here, not a setting without effect there.
func TestComponents(t *testing.T) {
	used := map[string]bool{}
	for _, c := range combinations {
		t.Run(strings.Join(c, "+"), func(t *testing.T) { strict(t, withComponent(t, c...)) })
		for _, name := range c {
			used[name] = true
		}
	}
	there, err := os.ReadDir(filepath.Join(root, "manifests/components"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range there {
		if !used[d.Name()] {
			t.Errorf("component %s is in no combination", d.Name())
		}
	}
}

// TestEndpointDiscovery makes the origin Services of the quickstart headless, and only them.
func TestEndpointDiscovery(t *testing.T) {
	r := add(t, "overlays/quickstart", "endpoint-discovery")
	for name, want := range map[string]string{"shop": "", "shop-origin": "None", "legacy-origin": "None", "wafer": ""} {
		if s := as[core.Service](t, r, "Service", name); s.Spec.ClusterIP != want {
			t.Errorf("Service %s has clusterIP %q, want %q", name, s.Spec.ClusterIP, want)
		}
	}
}

func TestOverlays(t *testing.T) {
	for _, f := range folders(t) {
		t.Run(filepath.Base(f), func(t *testing.T) {
			r := render(t, f)
			strict(t, r)
			loads(t, r)
		})
	}
}

// strict decodes every object into its type.
func strict(t *testing.T, r rendered) {
	t.Helper()
	kinds := map[string]func() any{
		"ConfigMap": func() any { return &core.ConfigMap{} }, "Service": func() any { return &core.Service{} },
		"ServiceAccount": func() any { return &core.ServiceAccount{} }, "Namespace": func() any { return &core.Namespace{} },
		"Deployment":              func() any { return &apps.Deployment{} },
		"HorizontalPodAutoscaler": func() any { return &scaling.HorizontalPodAutoscaler{} },
		"PodDisruptionBudget":     func() any { return &policy.PodDisruptionBudget{} },
		"NetworkPolicy":           func() any { return &networking.NetworkPolicy{} },
		"Ingress":                 func() any { return &networking.Ingress{} },
		"PriorityClass":           func() any { return &scheduling.PriorityClass{} },
		"Role":                    func() any { return &rbac.Role{} },
		"RoleBinding":             func() any { return &rbac.RoleBinding{} },
		"Pod":                     func() any { return &core.Pod{} },
		"CronJob":                 func() any { return &batch.CronJob{} },
		"HTTPRoute":               func() any { return &gateway.HTTPRoute{} },
		"ServiceMonitor":          func() any { return &serviceMonitor{} },
		"PrometheusRule":          func() any { return &prometheusRule{} },
		"ScaledObject":            func() any { return &map[string]any{} }, // an example; no types without KEDA's whole module
	}
	for _, o := range r.objects {
		if kinds[o.Kind] == nil {
			t.Errorf("%s %s: no type to hold it to", o.Kind, o.Name)
			continue
		}
		if err := yaml.UnmarshalStrict(o.text, kinds[o.Kind]()); err != nil {
			t.Errorf("%s %s: %v", o.Kind, o.Name, err)
		}
		if o.Kind == "Deployment" {
			restricted(t, r, as[apps.Deployment](t, r, o.Kind, o.Name))
		}
	}
	if d := as[apps.Deployment](t, r, "Deployment", "wafer"); d != nil {
		fits(t, r, d)
	}
}

// restricted is what the pod security standard of that name demands, and somewhat more.
func restricted(t *testing.T, r rendered, d *apps.Deployment) {
	t.Helper()
	pod := d.Spec.Template.Spec
	s := pod.SecurityContext
	if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		t.Errorf("%s: pod security context %+v", d.Name, s)
	}
	events := slices.ContainsFunc(pod.Containers[0].Env, func(e core.EnvVar) bool { return e.Name == "WAFER_KUBERNETES_EVENTS" })
	watches := slices.ContainsFunc(r.objects, func(o object) bool { return o.Kind == "Role" && strings.HasSuffix(o.Name, "-endpoint-slices") })
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken != (events || watches) {
		t.Errorf("%s: mounts a token, or lacks the one to ask the API server with", d.Name)
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		s := c.SecurityContext
		if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem ||
			s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
			t.Errorf("%s/%s: security context %+v", d.Name, c.Name, s)
		}
		for _, r := range []core.ResourceName{core.ResourceCPU, core.ResourceMemory} {
			request, limit := c.Resources.Requests[r], c.Resources.Limits[r]
			if request.IsZero() || request.Cmp(limit) >= 0 { // GOMEMLIMIT is the request: something has to be above it
				t.Errorf("%s/%s: requests %s of %s, with a limit of %s", d.Name, c.Name, request.String(), r, limit.String())
			}
		}
		for _, m := range c.VolumeMounts {
			if m.SubPath != "" {
				t.Errorf("%s/%s: %s is mounted by subPath and would never change", d.Name, c.Name, m.Name)
			}
		}
	}
}

// fits holds the parts of the tier's deployment to each other.
func fits(t *testing.T, r rendered, d *apps.Deployment) {
	t.Helper()
	pod := d.Spec.Template.Spec
	if boot := bootOf(t, r, d); boot != nil {
		pre := time.Duration(pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second
		need := pre + boot.DrainDelay + boot.ShutdownGrace + 5*time.Second
		if grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; grace < need {
			t.Errorf("grace period %s is shorter than preStop, drain and the rest need: %s", grace, need)
		}
	}
	ports := map[string]int32{}
	for _, p := range pod.Containers[0].Ports {
		ports[p.Name] = p.ContainerPort
	}
	own := labels.Set(d.Spec.Template.Labels)
	for _, o := range r.objects {
		switch o.Kind {
		case "Service":
			s := as[core.Service](t, r, o.Kind, o.Name)
			if !labels.SelectorFromSet(s.Spec.Selector).Matches(own) {
				continue
			}
			for _, p := range s.Spec.Ports {
				if ports[p.TargetPort.StrVal] == 0 {
					t.Errorf("Service %s: no port %q in the pods", o.Name, p.TargetPort.StrVal)
				}
			}
		case "PodDisruptionBudget":
			b := as[policy.PodDisruptionBudget](t, r, o.Kind, o.Name)
			if s, err := meta.LabelSelectorAsSelector(b.Spec.Selector); err != nil || !s.Matches(own) {
				t.Errorf("the disruption budget selects %s: %v", s, err)
			}
		case "HorizontalPodAutoscaler", "ScaledObject":
			if d.Spec.Replicas != nil {
				t.Errorf("replicas is set beside a %s, and would be reset with each apply", o.Kind)
			}
		case "ServiceMonitor":
			m := as[serviceMonitor](t, r, o.Kind, o.Name)
			s := as[core.Service](t, r, "Service", "wafer-admin")
			if sel, err := meta.LabelSelectorAsSelector(&m.Spec.Selector); err != nil || !sel.Matches(labels.Set(s.Labels)) {
				t.Errorf("the ServiceMonitor does not select the admin Service: %v", err)
			}
			if m.Spec.Endpoints[0].Port != s.Spec.Ports[0].Name {
				t.Errorf("the ServiceMonitor scrapes port %s", m.Spec.Endpoints[0].Port)
			}
		}
	}
}

func bootOf(t *testing.T, r rendered, d *apps.Deployment) *config.Boot {
	t.Helper()
	m := as[core.ConfigMap](t, r, "ConfigMap", "wafer-boot")
	if m == nil {
		return nil
	}
	if m.Name == "wafer-boot" && d.Spec.Template.Annotations["checksum/boot"] == "" {
		t.Error("neither the boot ConfigMap's name nor the pods have its hash: a change of it would not reach the pods")
	}
	file := filepath.Join(t.TempDir(), "wafer.yaml")
	if err := os.WriteFile(file, []byte(m.Data["wafer.yaml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.BootFlags(flags)
	boot, err := config.LoadBoot(flags, []string{"WAFER_CONFIG=" + file})
	if err != nil {
		t.Errorf("boot settings: %v", err)
	}
	return &boot
}

// loads builds every route file among the ConfigMaps, as the pods do.
func loads(t *testing.T, r rendered) {
	t.Helper()
	found := 0
	for _, o := range r.objects {
		if o.Kind != "ConfigMap" {
			continue
		}
		m := as[core.ConfigMap](t, r, o.Kind, o.Name)
		text, ok := m.Data["routes.yaml"]
		if !ok {
			continue
		}
		found++
		if !strings.HasSuffix(m.Name, "-routes") {
			t.Errorf("%s has a hash: its change would be a rollout instead of a reload", m.Name)
		}
		c, err := config.ParseRoutes(m.Name+"/routes.yaml", []byte(text), nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := proxy.Check(c); err != nil {
			t.Error(err)
		}
	}
	if found != 1 {
		t.Errorf("%d route files, want one", found)
	}
}

// serviceMonitor and prometheusRule are the parts of the operator's types that are used here.
type serviceMonitor struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            struct {
		Selector  meta.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port          string `json:"port"`
			Path          string `json:"path"`
			Interval      string `json:"interval"`
			ScrapeTimeout string `json:"scrapeTimeout"`
		} `json:"endpoints"`
	} `json:"spec"`
}

type prometheusRule struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            struct {
		Groups []struct {
			Name  string `json:"name"`
			Rules []rule `json:"rules"`
		} `json:"groups"`
	} `json:"spec"`
}

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// TestAlerts compares the alerts with the table in the operations guide and with the runbook, and the metrics in
// them with those that the guide documents.
func TestAlerts(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join(root, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	runbook, err := os.ReadFile(filepath.Join(root, "docs/runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	const runbookURL = "https://github.com/wafer-waf/wafer/blob/main/docs/runbook.md#"
	_, metrics, _ := strings.Cut(string(guide), "\n## Metrics\n")
	metrics, table, _ := strings.Cut(metrics, "\n### Alerts\n")
	table, _, _ = strings.Cut(table, "\n## ")
	names := regexp.MustCompile(`wafer_[a-z_]+`)
	rules := as[prometheusRule](t, withComponent(t, "monitoring"), "PrometheusRule", "wafer")
	seen := map[string]bool{}
	for _, g := range rules.Spec.Groups {
		for _, r := range g.Rules {
			seen[r.Alert] = true
			if !strings.Contains(table, "| `"+r.Alert+"` |") {
				t.Errorf("docs/operations.md has no row for %s", r.Alert)
			}
			used := names.FindAllString(r.Expr, -1)
			if len(used) == 0 {
				t.Errorf("%s watches nothing: %s", r.Alert, r.Expr)
			}
			for _, m := range used {
				if !strings.Contains(metrics, "| `"+m+"{") && !strings.Contains(metrics, "| `"+m+"` |") {
					t.Errorf("%s watches %s, which docs/operations.md does not know", r.Alert, m)
				}
			}
			if section := "\n### " + r.Alert + "\n"; !strings.Contains(string(runbook), section) || r.Annotations["runbook_url"] != runbookURL+strings.ToLower(r.Alert) {
				t.Errorf("%s: docs/runbook.md has no section, or its runbook_url leads elsewhere: %s", r.Alert, r.Annotations["runbook_url"])
			}
			if !slices.Contains([]string{"info", "warning", "critical"}, r.Labels["severity"]) || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: labels %v, annotations %v", r.Alert, r.Labels, r.Annotations)
			}
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(Wafer[A-Za-z]+)` ").FindAllStringSubmatch(table, -1) {
		if !seen[m[1]] {
			t.Errorf("docs/operations.md has a row for %s, which no rule is", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^### (Wafer\w+)`).FindAllStringSubmatch(string(runbook), -1) {
		if !seen[m[1]] {
			t.Errorf("docs/runbook.md has a section for %s, which no rule is", m[1])
		}
	}
	if len(seen) < 10 {
		t.Error(fmt.Sprint("only ", len(seen), " alerts"))
	}
}
