package audit

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/kaptinlin/jsonschema"
)

var writeSchema = flag.Bool("schemas", false, "write schema/event.json anew: make schema")

const schemaFile = "../schema/event.json"

// documented are the rows of a table of docs/operations.md: name, type, meaning.
func documented(t *testing.T, title string) (rows [][]string) {
	t.Helper()
	guide, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(guide), "\n### "+title+"\n")
	if !found {
		t.Fatalf("operations.md has no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n##")
	for line := range strings.Lines(text) {
		if row, is := strings.CutPrefix(line, "| `"); is {
			cells := strings.SplitN(strings.TrimSuffix(strings.TrimSpace(row), " |"), " | ", 3)
			rows = append(rows, []string{strings.TrimSuffix(cells[0], "`"), cells[1], cells[2]})
		}
	}
	return rows
}

// link is a link of Markdown, of which a schema keeps the words.
var link = regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`)

// always are the fields that every event of a kind has. Those without a value are left out.
func always(kind string) []string {
	of := map[string][]string{
		eventAccess:   {"method", "host", "path", "protocol", "status", "bytes_in", "bytes_out", "duration_ms", "verdict", "message"},
		eventSecurity: {"method", "host", "path", "verdict", "status", "rule_id", "score", "rules", "generation", "message"},
		eventBan:      {"action", "who", "scope", "access_rule", "times", "lasts_s", "until"},
	}
	return append([]string{"time", "level", "event", "request_id"}, of[kind]...)
}

// node is one object of the schema under construction, which keeps the order of its members.
type node struct {
	kind, about string
	names       []string
	below       map[string]*node
}

func (n *node) child(name string) *node {
	if n.below == nil {
		n.below = map[string]*node{}
	}
	if n.below[name] == nil {
		n.below[name] = &node{}
		n.names = append(n.names, name)
	}
	return n.below[name]
}

// schemaOf makes the schema of one kind of event.
func schemaOf(t *testing.T, title string, meanings map[string]string) *node {
	root := &node{kind: "object"}
	for _, row := range documented(t, title) {
		at := root
		for part := range strings.SplitSeq(row[0], ".") {
			name, list := strings.CutSuffix(part, "[]")
			if at = at.child(name); list {
				at = at.child("[]")
				at.kind = "object"
			}
		}
		at.kind, at.about = row[1], strings.ReplaceAll(link.ReplaceAllString(row[2], "$1"), "`", "")
		if strings.HasSuffix(row[0], "tags") {
			at.child("[]").kind = "string"
		}
		if at.about == "as above" {
			at.about = meanings[row[0]]
		}
		meanings[row[0]] = at.about
	}
	root.child("event").about = ""
	return root
}

// write spells a node. The outermost one has fields that are required, and is of one kind of event.
func (n *node) write(out *bytes.Buffer, kind string, required []string) {
	member := func(name string, v any) {
		text, _ := json.Marshal(v) // of a string or strings
		out.WriteString(`,"` + name + `":` + string(text))
	}
	text, _ := json.Marshal(n.kind)
	out.WriteString(`{"type":` + string(text))
	if n.about != "" {
		member("description", n.about)
	}
	if kind != "" && required == nil {
		member("const", kind)
	}
	if n.kind == "array" {
		out.WriteString(`,"items":`)
		n.below["[]"].write(out, "", nil)
		out.WriteString("}")
		return
	}
	if n.kind == "object" {
		out.WriteString(`,"properties":{`)
		for i, name := range n.names {
			if i > 0 {
				out.WriteString(",")
			}
			key, _ := json.Marshal(name)
			out.Write(append(key, ':'))
			constant := ""
			if name == "event" {
				constant = kind
			}
			n.below[name].write(out, constant, nil)
		}
		out.WriteString("}")
		if required != nil {
			member("required", required)
		}
	}
	out.WriteString("}")
}

// eventSchema is schema/event.json as docs/operations.md has it.
func eventSchema(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	out.WriteString(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"An event of Wafer",` +
		`"description":"One line of standard output, or of a sink with the format native. New fields may be added in any release.","oneOf":[`)
	meanings := map[string]string{}
	for i, of := range []struct{ title, kind string }{{"Access events", eventAccess}, {"Security events", eventSecurity}, {"Ban events", eventBan}} {
		if i > 0 {
			out.WriteString(",")
		}
		schemaOf(t, of.title, meanings).write(&out, of.kind, always(of.kind))
	}
	out.WriteString("]}")
	var shown bytes.Buffer
	if err := json.Indent(&shown, out.Bytes(), "", "  "); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	shown.WriteByte('\n')
	return shown.Bytes()
}

// TestSchemas compares the schema with the documentation that it is made of.
func TestSchemas(t *testing.T) {
	want := eventSchema(t)
	if *writeSchema {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(schemaFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("schema/event.json is not what docs/operations.md says: run make schema (%v)", err)
	}
}

// TestSchemaAccepts asks a library that knows nothing of Wafer whether events keep to the schema, and wants every field of
// an event to be one that the schema names.
func TestSchemaAccepts(t *testing.T) {
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	full, _ := formatted(t, Native)
	var out bytes.Buffer
	l := New(&out, Options{})
	l.Access(&Access{})
	l.Security(&Security{})
	l.Ban(&Ban{})
	for line := range bytes.Lines(out.Bytes()) {
		full = append(full, decode(t, line))
	}
	for i, event := range full {
		if r := schema.Validate(event); !r.IsValid() {
			list, _ := json.Marshal(r.ToList(false))
			t.Errorf("event %d is not valid: %s", i, list)
		}
	}
	for name, value := range map[string]any{"status": "403", "event": "other", "rules": map[string]any{}, "time": nil} {
		wrong := maps.Clone(full[2]) // a security event
		wrong[name] = value
		if schema.Validate(wrong).IsValid() {
			t.Errorf("an event with %s %v is valid", name, value)
		}
	}
}
