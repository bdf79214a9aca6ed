package cluster

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// derive has TestChartDerived write files of the chart anew instead of comparing them: "make chart".
var derive = flag.Bool("derive", false, "write what the chart has from elsewhere anew")

// schemaOf is a JSON Schema as far as the tests here read it.
type schemaOf struct {
	Description          string               `json:"description"`
	Type                 any                  `json:"type"`
	Ref                  string               `json:"$ref"`
	Properties           map[string]*schemaOf `json:"properties"`
	AdditionalProperties any                  `json:"additionalProperties"`
	Definitions          map[string]*schemaOf `json:"definitions"`
}

func chartFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, chart, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// chartValues are the defaults, and the schema of values.
func chartValues(t *testing.T) (map[string]any, *schemaOf) {
	t.Helper()
	var defaults map[string]any
	if err := yaml.Unmarshal(chartFile(t, "values.yaml"), &defaults); err != nil {
		t.Fatal(err)
	}
	var schema schemaOf
	if err := json.Unmarshal(chartFile(t, "values.schema.json"), &schema); err != nil {
		t.Fatal(err)
	}
	return defaults, &schema
}

// TestChartDerived compares what the chart has from elsewhere with where it is from: a chart is a folder that
// refers to nothing outside.
func TestChartDerived(t *testing.T) {
	defaults, schema := chartValues(t)
	want := map[string][]byte{"values.schema.json": withDefinitions(t)}
	for name, from := range map[string]string{
		"files/prometheusrule.yaml": "manifests/components/monitoring/prometheusrule.yaml",
		"files/routes.yaml":         "manifests/base/config/routes.yaml",

		"files/dashboards/tier.json":     "dashboards/tier.json",
		"files/dashboards/routes.json":   "dashboards/routes.json",
		"files/dashboards/rules.json":    "dashboards/rules.json",
		"files/dashboards/coverage.json": "dashboards/coverage.json",
	} {
		text, err := os.ReadFile(filepath.Join(root, from))
		if err != nil {
			t.Fatal(err)
		}
		want[name] = text
	}
	var rows strings.Builder
	table(t, &rows, "", defaults, schema)
	head, rest, ok := strings.Cut(string(chartFile(t, "README.md")), "\n| value | default | meaning |\n|---|---|---|\n")
	_, tail, end := strings.Cut(rest, "\n\n")
	if !ok || !end {
		t.Fatal("README.md has no table of values")
	}
	want["README.md"] = []byte(head + "\n| value | default | meaning |\n|---|---|---|\n" + rows.String() + "\n" + tail)
	for name, content := range want {
		file := filepath.Join(root, chart, name)
		if *derive {
			if err := os.WriteFile(file, content, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, content) {
			t.Errorf("%s is not what it is made from: run make chart (%v)", file, err)
		}
	}
}

// withDefinitions is the schema of values with those of the route file and the boot file in it. What a pod's
// boot file says of the route file is the chart's business, and no value.
func withDefinitions(t *testing.T) []byte {
	t.Helper()
	definitions := map[string]any{}
	for _, name := range []string{"boot", "routes"} {
		text, err := os.ReadFile(filepath.Join(root, "schema", name+".schema.json"))
		if err != nil {
			t.Fatal(err)
		}
		var one map[string]any
		if err := json.Unmarshal(bytes.ReplaceAll(text, []byte(`"#/$defs/`), []byte(`"#/definitions/`)), &one); err != nil {
			t.Fatal(err)
		}
		if defs, ok := one["$defs"].(map[string]any); ok {
			maps.Copy(definitions, defs)
		}
		delete(one, "$defs")
		delete(one, "$schema")
		if name == "boot" {
			for _, key := range []string{"routes", "to"} {
				delete(one["properties"].(map[string]any), key)
			}
		}
		definitions[name] = one
	}
	text, err := json.MarshalIndent(definitions, "  ", "  ")
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := bytes.Cut(chartFile(t, "values.schema.json"), []byte("\n  \"definitions\": "))
	if !ok {
		t.Fatal(`values.schema.json has no "definitions", which stand last`)
	}
	return slices.Concat(before, []byte("\n  \"definitions\": "), text, []byte("\n}\n"))
}

// table writes a row for each value that has no parts with meanings of their own.
func table(t *testing.T, to *strings.Builder, path string, defaults map[string]any, schema *schemaOf) {
	t.Helper()
	for _, key := range order(t, defaults, path) {
		s, value := schema.Properties[key], defaults[key]
		if s == nil {
			t.Fatalf("values.schema.json does not know %s%s", path, key)
		}
		if parts, ok := value.(map[string]any); ok && s.Properties != nil && s.Description == "" {
			table(t, to, path+key+".", parts, s)
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		shown := "`" + string(text) + "`"
		if len(text) > 40 {
			shown = "see [values.yaml](values.yaml)"
		}
		if s.Description == "" {
			t.Errorf("values.schema.json does not say what %s%s means", path, key)
		}
		fmt.Fprintf(to, "| `%s%s` | %s | %s |\n", path, key, shown, s.Description)
	}
}

// order are keys of values in the order in which values.yaml has them.
func order(t *testing.T, defaults map[string]any, path string) []string {
	t.Helper()
	text := string(chartFile(t, "values.yaml"))
	indent := ""
	for key := range strings.SplitSeq(strings.TrimSuffix(path, "."), ".") {
		if key == "" {
			break
		}
		_, text, _ = strings.Cut("\n"+text, "\n"+indent+key+":")
		indent += "  "
	}
	at := func(key string) int { return strings.Index("\n"+text, "\n"+indent+key+":") }
	return slices.SortedFunc(maps.Keys(defaults), func(a, b string) int { return at(a) - at(b) })
}

// TestChartSchema wants a default for each value that the schema knows, and the schema to be closed wherever it
// knows the parts: a value that is misspelled has to be refused.
func TestChartSchema(t *testing.T) {
	defaults, schema := chartValues(t)
	var walk func(path string, defaults map[string]any, s *schemaOf)
	walk = func(path string, defaults map[string]any, s *schemaOf) {
		if s.AdditionalProperties != false {
			t.Errorf("%s takes values that nobody knows", path)
		}
		for name, p := range s.Properties {
			at := path + "." + name
			value, there := defaults[name]
			if !there && at != ".global" && p.Description != "" {
				t.Errorf("%s has no default in values.yaml", at)
			}
			if p.Properties == nil {
				continue
			}
			parts, ok := value.(map[string]any)
			if !ok {
				t.Errorf("%s has no parts in values.yaml", at)
				continue
			}
			walk(at, parts, p)
		}
	}
	walk("", defaults, schema)
	if reflect.DeepEqual(schema.Definitions["boot"].Properties, map[string]*schemaOf{}) || schema.Definitions["routes"] == nil {
		t.Error("the schema has nothing of boot and route files")
	}
}
