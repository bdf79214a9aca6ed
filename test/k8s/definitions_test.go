package k8s

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// definitions are of kinds that an API server alone does not have. They come with Go modules that are downloaded, and
// never built.
var definitions = []struct {
	kind, crd, module, sum, file string
}{
	{
		"ServiceMonitor", "servicemonitors.monitoring.coreos.com",
		"github.com/prometheus-operator/prometheus-operator@v0.85.0", "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
		"example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
	},
	{
		"PrometheusRule", "prometheusrules.monitoring.coreos.com",
		"github.com/prometheus-operator/prometheus-operator@v0.85.0", "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
		"example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
	},
	{
		"ScaledObject", "scaledobjects.keda.sh",
		"github.com/kedacore/keda/v2@v2.21.0", "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
		"config/crd/bases/keda.sh_scaledobjects.yaml",
	},
}

// extend teaches the API server these kinds, and returns those whose modules cannot be had here.
func (c *cluster) extend(t *testing.T) (lacks []string) {
	t.Helper()
	for _, d := range definitions {
		out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", d.module).Output()
		var got struct{ Dir, Sum string }
		if err != nil || json.Unmarshal(out, &got) != nil {
			t.Logf("NOT TESTED: kind %s, because %s cannot be had: %v", d.kind, d.module, err)
			lacks = append(lacks, d.kind)
			continue
		}
		if got.Sum != d.sum {
			t.Fatalf("%s has the sum %s, want %s", d.module, got.Sum, d.sum)
		}
		c.must(t, "", "apply", "--server-side", "-f", filepath.Join(got.Dir, d.file))
		c.must(t, "", "wait", "--for=condition=Established", "--timeout=60s", "crd/"+d.crd)
	}
	return lacks
}

// known are the documents of manifests that an API server without some kinds knows.
func known(manifests string, lacks []string) (docs []string) {
	for doc := range strings.SplitSeq("\n"+manifests, "\n---\n") {
		if k := kind(doc); k != "" && !slices.Contains(lacks, k) {
			docs = append(docs, doc)
		}
	}
	return docs
}

func kind(doc string) string {
	for line := range strings.Lines(doc) {
		if k, ok := strings.CutPrefix(line, "kind: "); ok {
			return strings.TrimSpace(k)
		}
	}
	return ""
}
