package routing

import (
	"strings"
	"testing"
)

// TestHidden finds entries that never get a request, and names those that get them all.
func TestHidden(t *testing.T) {
	get, put := []string{"GET"}, []string{"PUT"}
	prefix := func(p string) []Path { return []Path{{Kind: PathPrefix, Value: p}} }
	regex := func(p string) []Path { return []Path{{PathRegex, p}} }
	env := []Header{{"X-Env", HeaderPresent, ""}}
	a, b := []string{"a.example"}, []string{"b.example"}
	both := []string{"a.example", "b.example"}
	for name, test := range map[string]struct {
		entries []Entry[int]
		want    string // ids that hide the last one; empty: nothing does
	}{
		"fewer hosts":            {[]Entry[int]{{Hosts: both}, {Hosts: a}}, "0"},
		"more hosts":             {[]Entry[int]{{Hosts: a}, {Hosts: both}}, ""},
		"hosts of two":           {[]Entry[int]{{Hosts: a}, {Hosts: b}, {Hosts: both}}, "0 1"},
		"a wildcard":             {[]Entry[int]{{Hosts: []string{"*.example"}}, {Hosts: a}}, ""},
		"fewer methods":          {[]Entry[int]{{Methods: []string{"GET", "PUT"}}, {Methods: get}}, "0"},
		"methods of two":         {[]Entry[int]{{Methods: get}, {Methods: put}, {Methods: []string{"GET", "PUT"}}}, "0 1"},
		"methods before none":    {[]Entry[int]{{}, {Methods: get}}, ""},
		"none behind methods":    {[]Entry[int]{{Methods: get}, {}}, ""},
		"a longer prefix":        {[]Entry[int]{{Paths: prefix("/a")}, {Paths: prefix("/a/b")}}, ""},
		"exact before prefix":    {[]Entry[int]{{Paths: prefix("/a")}, {Paths: []Path{{PathExact, "/a"}}}}, ""},
		"any regex before":       {[]Entry[int]{{Paths: regex("/.*")}, {Paths: prefix("/a")}}, "0"},
		"any regex behind":       {[]Entry[int]{{Paths: regex("^/.*$")}, {Paths: prefix("/a/b")}}, "0"},
		"regex of a beginning":   {[]Entry[int]{{Paths: regex("/api.*")}, {Paths: prefix("/api")}}, "0"},
		"regex of what is below": {[]Entry[int]{{Paths: regex("/api/.*")}, {Paths: prefix("/api")}}, ""},
		"a longer regex":         {[]Entry[int]{{Paths: regex("/.*")}, {Paths: regex("/a[0-9]+")}}, ""},
		"a regex with headers":   {[]Entry[int]{{Paths: regex("/.*"), Headers: env}, {Paths: prefix("/a")}}, ""},
		"headers of both":        {[]Entry[int]{{Paths: regex("/.*"), Headers: env}, {Paths: prefix("/a"), Headers: env}}, "0"},
		"more headers":           {[]Entry[int]{{}, {Headers: env}}, ""},
		"another regex":          {[]Entry[int]{{Paths: regex("/(a|b).*")}, {Paths: prefix("/a")}}, ""},
		"paths of two":           {[]Entry[int]{{Paths: regex("/a.*")}, {Paths: regex("/b.*")}, {Paths: []Path{{PathPrefix, "/a"}, {PathPrefix, "/b"}}}}, "0 1"},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range test.entries {
				test.entries[i].ID = string(rune('0' + i))
			}
			table, err := New(test.entries)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, p := range table.Hidden() {
				if p.Entry != len(test.entries)-1 {
					t.Errorf("entry %d: %v", p.Entry, p)
					continue
				}
				for id := range strings.SplitSeq(p.What, `"`) {
					if len(id) == 1 {
						got += " " + id
					}
				}
			}
			if got = strings.TrimSpace(got); got != test.want {
				t.Errorf("hidden by %q, want %q", got, test.want)
			}
		})
	}
}
