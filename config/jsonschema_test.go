package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kaptinlin/jsonschema"
	"go.yaml.in/yaml/v3"
)

// writeSchemas has TestSchemas write the files anew instead of comparing them: "make schema".
var writeSchemas = flag.Bool("schemas", false, "write schema/*.json anew")

// schemas are those that are shipped, as they are made of the types and of docs/configuration.md.
func schemas(t *testing.T) map[string][]byte {
	t.Helper()
	d := readDocumentation(t)
	tell := func(meaningAt int) about {
		return func(path string) (string, bool) {
			row := d.rows[path]
			return cell(row, meaningAt), cell(row, 1) == "required"
		}
	}
	routes, err := routesSchema(tell(2))
	if err != nil {
		t.Fatal(err)
	}
	boot, err := bootSchema(tell(4))
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"routes": routes, "boot": boot}
}

// TestSchemas compares the shipped files with the types.
func TestSchemas(t *testing.T) {
	for name, want := range schemas(t) {
		file := filepath.Join("..", "schema", name+".schema.json")
		if *writeSchemas {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the types say: run make schema (%v)", file, err)
		}
	}
}

// validator asks a library that knows nothing of Wafer whether files keep to a schema.
func validator(t *testing.T, name string) func(file string) error {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(schemas(t)[name])
	if err != nil {
		t.Fatal(err)
	}
	return func(file string) error {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var value any
		if err := yaml.Unmarshal(data, &value); err != nil {
			return err
		}
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &value); err != nil {
			return err
		}
		if r := schema.Validate(value); !r.IsValid() {
			list, _ := json.Marshal(r.ToList(false))
			return problemsText(list)
		}
		return nil
	}
}

type problemsText []byte

func (p problemsText) Error() string { return string(p) }

// TestSchemaAccepts wants every file that is valid to keep to the schema.
func TestSchemaAccepts(t *testing.T) {
	routes, boot := validator(t, "routes"), validator(t, "boot")
	for _, pattern := range []string{"testdata/valid/*.yaml", "../examples/routes.yaml", "../examples/access.yaml", "../proxy/testdata/proof/*.yaml", "../cmd/wafer/demo/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if err := routes(file); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	for _, file := range []string{"../examples/wafer.yaml", "../examples/events.yaml"} {
		if err := boot(file); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	outside := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(outside, []byte("routes: [{ id: a, timeouts: { idle: '${env:IDLE}' }, websocket: '${file:w}', upstreams: [{ id: app, weight: '${env:W}' }] }]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := routes(outside); err != nil {
		t.Error(err)
	}
}

// TestSchemaRefuses wants files whose shape is wrong to be refused, and says of which the schema cannot tell:
// those whose mistake is what a name, a text or a number means.
func TestSchemaRefuses(t *testing.T) {
	meant := map[string]bool{}
	for _, name := range strings.Fields(`invalid/access-heirs invalid/geo-empty invalid/aliases invalid/bad-ids invalid/block invalid/duplicate-ids invalid/durations-negative
		invalid/empty-routes invalid/endpoints invalid/exclusion-targets invalid/host-length invalid/hosts invalid/inherits-deep
		invalid/methods invalid/no-routes invalid/no-target invalid/rewrites invalid/two-documents invalid/two-targets
		invalid/unknown-references invalid-boot/addresses invalid-boot/admin-peers invalid-boot/admin-tls invalid-boot/bad-host invalid-boot/durations
		invalid-boot/last-good invalid-boot/limits-high invalid-boot/limits invalid-boot/masking invalid-boot/neither invalid-boot/outputs invalid-boot/records invalid-boot/routes-and-to invalid-boot/same-address invalid-boot/store-modes invalid-boot/store
		invalid-boot/to invalid-boot/two`) {
		meant[name] = true
	}
	for pattern, keeps := range map[string]func(string) error{
		"testdata/invalid/*.yaml": validator(t, "routes"), "testdata/invalid-boot/*.yaml": validator(t, "boot"),
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal("no files", err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/"), ".yaml")
			if err := keeps(file); (err == nil) != meant[name] {
				t.Errorf("%s: keeps to the schema: %t, want %t", file, err == nil, meant[name])
			}
		}
	}
}
