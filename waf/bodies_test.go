package waf

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// typedBody reads a file of reading/testdata/types: a media type and a body, in which Go's escapes stand
// for odd bytes if the head says so.
func typedBody(t *testing.T, file string) (mediaType, body string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rest, _, _ := strings.Cut(string(raw), "\n-- read --\n")
	head, body, _ := strings.Cut(rest, "\n\n")
	if strings.Contains(head, "Lines: crlf") {
		body = strings.ReplaceAll(body, "\n", "\r\n")
	}
	if strings.Contains(head, "Escaped: yes") {
		if body, err = strconv.Unquote(`"` + body + `"`); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	first, _, _ := strings.Cut(head, "\n")
	return strings.TrimSpace(strings.TrimPrefix(first, "Content-Type:")), body
}

// TestBodies holds that the default policy passes ordinary bodies of all types, and stops attacks
// wherever in a body and under whatever type they are.
func TestBodies(t *testing.T) {
	// What types and character sets a policy allows is another question.
	e := mustEngine(t, func(p *Policy) {
		p.Exclusions = []Exclusion{{RuleIDs: "920420"}, {RuleIDs: "920470"}, {RuleIDs: "920480"}}
	})
	for folder, blocks := range map[string]bool{"ordinary": false, "hostile": true} {
		files, err := filepath.Glob(filepath.Join("reading", "testdata", "types", folder, "*.txt"))
		if err != nil || len(files) == 0 {
			t.Fatal("no files")
		}
		for _, file := range files {
			mediaType, body := typedBody(t, file)
			if v, f := run(t, e, post("/", mediaType, body), body); v.Blocks() != blocks {
				t.Errorf("%s: verdict %+v, rules %v", file, v, ids(f))
			}
		}
	}
}
