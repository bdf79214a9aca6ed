package prometheus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const root = "../.."

// rules are alerts as Prometheus reads them.
type rules struct {
	Groups []group `yaml:"groups"`
}

type group struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// alerts are those of the manifests.
func alerts(t *testing.T) rules {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "manifests/components/monitoring/prometheusrule.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Spec rules `yaml:"spec"`
	}
	if err := yaml.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	return object.Spec
}

// hastened is the label of alerts that are for seconds.
const hastened = "hastened"

// hastened are the rules with every duration divided.
func (r rules) hastened(t *testing.T, by time.Duration) rules {
	t.Helper()
	var out rules
	for _, g := range r.Groups {
		fast := group{Name: g.Name + ".hastened"}
		for _, one := range g.Rules {
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(one.Expr)
			if err != nil {
				t.Fatalf("%s: %v", one.Alert, err)
			}
			parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
				switch n := n.(type) {
				case *parser.MatrixSelector:
					n.Range /= by
				case *parser.VectorSelector:
					n.OriginalOffset /= by
				}
				return nil
			})
			one.Expr, one.Labels = expr.String(), map[string]string{hastened: "yes"}
			if one.For != "" {
				d, err := model.ParseDuration(one.For)
				if err != nil {
					t.Fatalf("%s: %v", one.Alert, err)
				}
				one.For = (model.Duration(time.Duration(d) / by)).String()
			}
			fast.Rules = append(fast.Rules, one)
		}
		out.Groups = append(out.Groups, fast)
	}
	return out
}

func (r rules) names() (all []string) {
	for _, g := range r.Groups {
		for _, one := range g.Rules {
			all = append(all, one.Alert)
		}
	}
	return all
}

func (r rules) write(t *testing.T, path string) {
	t.Helper()
	text, err := yaml.Marshal(r)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// metricsIn are the metrics that an expression asks for, and of a histogram or counter what the tier calls it.
func metricsIn(t *testing.T, expr string) (names []string) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Errorf("%v in %s", err, expr)
		return nil
	}
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			name := v.Name
			for _, end := range []string{"_bucket", "_count", "_sum"} {
				name = strings.TrimSuffix(name, end)
			}
			names = append(names, name)
		}
		return nil
	})
	return names
}
