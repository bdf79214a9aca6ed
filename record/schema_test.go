package record

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/kaptinlin/jsonschema"
)

// TestSchema has records checked by a library that knows nothing of them.
func TestSchema(t *testing.T) {
	text, err := os.ReadFile("../schema/record.json")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	valid := func(line []byte) bool {
		var value any
		if err := json.Unmarshal(line, &value); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(value).IsValid()
	}
	for name, r := range map[string]*Record{"everything": full(), "least": {Request: &Request{}}} {
		if line := r.Append(nil); !valid(line) {
			t.Errorf("%s is not what the schema says: %s", name, line)
		}
	}
	odd := full()
	odd.Response.By = "nobody"
	if valid(odd.Append(nil)) {
		t.Error("the schema takes anything")
	}
}
