package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadingBlocks(t *testing.T) {
	f := func(text string, want []Block, wantErr string) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.md"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Blocks(dir, "a.md")
		if wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), wantErr) {
				t.Errorf("%q: error %v, want %q", text, err, wantErr)
			}
			return
		}
		if err != nil || len(got) != len(want) {
			t.Errorf("%q: %+v, %v", text, got, err)
			return
		}
		for i, w := range want {
			w.File = "a.md"
			if got[i] != w {
				t.Errorf("%q: %+v, want %+v", text, got[i], w)
			}
		}
	}
	f("text\n", nil, "")
	f("```sh\nls\n```\n", []Block{{Line: 2, Lang: "sh", Text: "ls\n"}}, "")
	f("- a list\n\n  ```sh\n  ls\n  ```\n", []Block{{Line: 4, Lang: "sh", Text: "ls\n"}}, "")
	f("<!-- not run: it needs root -->\n```sh\nls\n```\n", []Block{{Line: 3, Lang: "sh", Text: "ls\n", NotRun: "it needs root"}}, "")
	f("<!-- run: with the demo -->\n```sh\nls\n```\n```\nx\n```\n", []Block{
		{Line: 3, Lang: "sh", Text: "ls\n", With: "the demo"}, {Line: 6, Text: "x\n"},
	}, "")
	f("- a list\n\n    that goes on\n", nil, "")
	f("A line\n    that goes on\n", nil, "")
	f("text\n\n    make build\n", nil, "a.md:3: code that is indented")
	f("<!-- not run: why -->\n\n```sh\nls\n```\n", nil, "a.md:2: a mark has to stand")
	f("```sh\nls\n", nil, "a.md:1: a block without an end")
}
