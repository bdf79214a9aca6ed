package routing

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wafer-waf/wafer/message"
)

// fields are lines written as "name:value".
func fields(lines ...string) (split message.Fields) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		split = append(split, message.Field{Name: name, Value: value})
	}
	return split
}

func target(method, host, path string, lines ...string) *Target {
	return &Target{
		Host:   host,
		Path:   CanonicalPath(nil, path),
		Method: method,
		Fields: fields(lines...),
	}
}

func mustNew[T any](t testing.TB, entries []Entry[T]) *Table[T] {
	t.Helper()
	table, err := New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestMatch runs testdata/match. A file holds tables separated by "---": lines that start with
// "route" are entries, the others are requests and what they match:
//
//	route ID [host=HOST] [path=KIND:PATH] [method=METHOD] [header=NAME:KIND:VALUE]
//	METHOD HOST TARGET [NAME:VALUE] => ID [KIND:PATH]
//
// HOST "-" is no host and ID "none" no match.
func TestMatch(t *testing.T) {
	files, err := filepath.Glob("testdata/match/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no files in testdata/match", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		line := 0
		for section := range strings.SplitSeq(string(content), "---\n") {
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(file), line+1), func(t *testing.T) {
				testSection(t, file, line, section)
			})
			line += strings.Count(section, "\n") + 1
		}
	}
}

func testSection(t *testing.T, file string, line int, section string) {
	var entries []Entry[string]
	type request struct {
		where  string
		target *Target
		want   string
	}
	var requests []request
	for text := range strings.Lines(section) {
		line++
		words := strings.Fields(text)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		where := fmt.Sprintf("%s:%d", file, line)
		if words[0] == "route" {
			entries = append(entries, parseEntry(t, where, words[1:]))
			continue
		}
		left, want, ok := strings.Cut(strings.TrimSpace(text), "=>")
		words = strings.Fields(left)
		if !ok || len(words) < 3 {
			t.Fatalf("%s: neither route nor request", where)
		}
		host := strings.TrimPrefix(words[1], "-")
		requests = append(requests, request{where, target(words[0], host, words[2], words[3:]...), strings.TrimSpace(want)})
	}
	table := mustNew(t, entries)
	for _, r := range requests {
		got := "none"
		m, ok := table.Match(r.target)
		if ok {
			got = m.ID
			if m.Path != (Path{}) {
				got += " " + m.Path.Kind.String() + ":" + m.Path.Value
			}
			if m.Value != "value of "+m.ID {
				t.Errorf("%s: route %q has %q", r.where, m.ID, m.Value)
			}
		}
		if got != r.want {
			t.Errorf("%s: got %s, want %s", r.where, got, r.want)
		}
		checkExplain(t, r.where, table.Explain(r.target), len(entries), m.ID)
	}
}

func parseEntry(t *testing.T, where string, words []string) Entry[string] {
	e := Entry[string]{ID: words[0], Value: "value of " + words[0]}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "host":
			e.Hosts = append(e.Hosts, value)
		case "path":
			kind, path, _ := strings.Cut(value, ":")
			kinds := map[string]PathKind{"exact": PathExact, "prefix": PathPrefix, "regex": PathRegex}
			e.Paths = append(e.Paths, Path{Kind: kinds[kind], Value: path})
		case "method":
			e.Methods = append(e.Methods, value)
		case "header":
			parts := strings.SplitN(value+"::", ":", 3)
			kinds := map[string]HeaderKind{"exact": HeaderExact, "regex": HeaderRegex, "present": HeaderPresent}
			e.Headers = append(e.Headers, Header{Name: parts[0], Kind: kinds[parts[1]], Value: strings.TrimRight(parts[2], ":")})
		default:
			t.Fatalf("%s: unknown key %q", where, key)
		}
	}
	return e
}

// checkExplain holds an explanation against what Match returned.
func checkExplain(t *testing.T, where string, decisions []Decision, n int, id string) {
	t.Helper()
	if len(decisions) != n {
		t.Errorf("%s: %d decisions for %d entries", where, len(decisions), n)
	}
	selected, matched := "", false
	for _, d := range decisions {
		if d.Why == "" {
			t.Errorf("%s: route %q has no reason", where, d.ID)
		}
		if d.Selected != (d.Matched && !matched) {
			t.Errorf("%s: route %q is not the first that matched, or not selected: %+v", where, d.ID, decisions)
		}
		if d.Selected {
			selected = d.ID
		}
		matched = matched || d.Matched
	}
	if selected != id {
		t.Errorf("%s: Explain selects %q, Match %q", where, selected, id)
	}
}

func TestMatchWithoutEntries(t *testing.T) {
	table := mustNew[int](t, nil)
	if m, ok := table.Match(target("GET", "a.example", "/")); ok {
		t.Errorf("an empty table matches %+v", m)
	}
	if d := table.Explain(target("GET", "a.example", "/")); len(d) != 0 {
		t.Errorf("an empty table explains %+v", d)
	}
}

func TestMatchWithoutHeaders(t *testing.T) {
	table := mustNew(t, []Entry[int]{{ID: "a", Headers: []Header{{Name: "X-A", Kind: HeaderPresent}}}})
	r := &Target{Path: []byte("/")}
	if m, ok := table.Match(r); ok {
		t.Errorf("matched %+v", m)
	}
	if d := table.Explain(r); d[0].Why != `header "x-a" is absent` {
		t.Errorf("explained %+v", d)
	}
}

// TestNewKeepsNothing changes what New was given.
func TestNewKeepsNothing(t *testing.T) {
	entries := []Entry[int]{{
		ID: "a", Hosts: []string{"a.example"}, Paths: []Path{{PathExact, "/a"}}, Methods: []string{"GET"},
		Headers: []Header{{"X-A", HeaderExact, "1"}}, Value: 1,
	}}
	table := mustNew(t, entries)
	e := &entries[0]
	e.ID, e.Hosts[0], e.Paths[0].Value, e.Methods[0], e.Headers[0].Value, e.Value = "b", "b.example", "/b", "PUT", "2", 2
	m, ok := table.Match(target("GET", "a.example", "/a", "X-A:1"))
	if want := (Match[int]{Value: 1, ID: "a", Path: Path{PathExact, "/a"}}); !ok || m != want {
		t.Errorf("got %+v, %t, want %+v", m, ok, want)
	}
}

func TestMatchConcurrently(t *testing.T) {
	table := mustNew(t, []Entry[int]{
		{ID: "a", Headers: []Header{{"X-A", HeaderExact, "1"}, {"X-B", HeaderRegex, "[0-9]+"}}, Value: 1},
		{ID: "b", Headers: []Header{{"X-A", HeaderExact, "2"}}, Value: 2},
	})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			want := g%2 + 1
			r := target("GET", "h", "/", fmt.Sprintf("X-A:%d", want), "X-B:7")
			for range 1000 {
				if m, ok := table.Match(r); !ok || m.Value != want {
					t.Errorf("got %+v, %t, want %d", m, ok, want)
					return
				}
			}
		})
	}
	wg.Wait()
}
