package docs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// pinnedHelm is the Helm that make has built below a tree.
func pinnedHelm(tree string) (path string, built bool) {
	path = filepath.Join(tree, "bin/tools/helm")
	_, err := os.Stat(path)
	return path, err == nil
}

// standInForHelm renders charts with the real one, and applies them to the cluster of this package. A release is
// known by its Deployment.
func standInForHelm(args []string) error {
	f := pflag.NewFlagSet("helm", pflag.ContinueOnError)
	k := kubectl{}
	f.StringVarP(&k.namespace, "namespace", "n", "default", "")
	set := f.StringArray("set", nil, "")
	files := f.StringArray("set-file", nil, "")
	values := f.StringArrayP("values", "f", nil, "")
	for _, name := range []string{"create-namespace", "take-ownership", "server-side", "reset-then-reuse-values", "logs"} {
		f.Bool(name, false, "")
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	words := f.Args()
	if len(words) < 2 {
		return fmt.Errorf("the stand-in for helm does not know %q", args)
	}
	switch words[0] {
	case "install", "upgrade":
		if len(words) != 3 {
			return fmt.Errorf("helm %q wants a release and a chart", words)
		}
	case "test", "rollback", "uninstall":
		return k.exists("deployment/" + words[1])
	default:
		return fmt.Errorf("the stand-in for helm does not know %s", words[0])
	}
	helm, built := pinnedHelm(os.Getenv(standInTree))
	if !built {
		return k.ask("/apply", nil, []byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"`+words[1]+`"}}`))
	}
	render := []string{"template", words[1], words[2], "-n", k.namespace}
	for flag, given := range map[string][]string{"--set": *set, "--set-file": *files, "--values": *values} {
		for _, v := range given {
			render = append(render, flag, v)
		}
	}
	c := exec.Command(helm, render...)
	var out, problems bytes.Buffer
	c.Stdout, c.Stderr = &out, &problems
	if err := c.Run(); err != nil {
		return errors.New(problems.String())
	}
	return k.ask("/apply", nil, out.Bytes())
}

// areValues reports whether a block is values of the chart: it has keys that only they have.
func (s *sandbox) areValues(t *testing.T, m map[string]any) bool {
	t.Helper()
	if _, isPath := m["routes"].(string); isPath { // values have routes themselves
		return false
	}
	text, err := os.ReadFile(filepath.Join(root, "charts/wafer/values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var known map[string]any
	if err := yaml.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	for key, v := range m {
		_, list := v.([]any)
		if _, ok := known[key]; !ok || key == "routes" && list {
			return false
		}
	}
	return len(m) > 0
}

// values renders the chart with a block.
func (s *sandbox) values(t *testing.T, text string) {
	t.Helper()
	helm, built := pinnedHelm(root)
	if !built {
		t.Skip("NOT TESTED: there is no Helm. make bin/tools/helm builds it, and so does make test")
	}
	c := exec.Command(helm, "template", "wafer", filepath.Join(root, "charts/wafer"), "-f", "-")
	c.Stdin = strings.NewReader(text)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
