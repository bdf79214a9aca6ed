package architecture

import (
	"strings"
	"testing"
)

// TestNoTemplates keeps packages out that call methods by name: whoever executes a template does, so that the linker keeps every
// exported method of every type, which is a quarter of the binary. test/e2e looks at what the linker has made of it.
func TestNoTemplates(t *testing.T) {
	for folder, files := range packages(t) {
		if top, _, _ := strings.Cut(folder, "/"); top == "test" || top == "bench" || top == "tools" || top == "image" {
			continue // not in the binary
		}
		for name, file := range files {
			for _, i := range file.Imports {
				if i.Path.Value == `"text/template"` || i.Path.Value == `"html/template"` {
					t.Errorf("%s/%s imports %s: fill text in by hand, as cmd/wafer/demo does", folder, name, i.Path.Value)
				}
			}
		}
	}
}
