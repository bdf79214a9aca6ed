package routing

import (
	"reflect"
	"testing"
)

func TestExplain(t *testing.T) {
	table := mustNew(t, []Entry[int]{
		{ID: "any"},
		{ID: "get", Methods: []string{"GET"}},
		{ID: "header", Headers: []Header{{"X-A", HeaderPresent, ""}}},
		{ID: "header-later", Headers: []Header{{"X-A", HeaderRegex, ".*"}}},
		{ID: "foo", Paths: []Path{{PathPrefix, "/foo"}}},
		{ID: "wild", Hosts: []string{"a.example", "*.b.example"}},
		{ID: "exact", Hosts: []string{"x.b.example"}, Paths: []Path{{PathExact, "/foo/bar"}, {PathPrefix, "/x"}, {PathRegex, "/y+"}}},
		{ID: "post", Hosts: []string{"x.b.example"}, Methods: []string{"POST", "PUT"}},
		{ID: "env", Hosts: []string{"x.b.example"}, Headers: []Header{{"X-Env", HeaderExact, "canary"}}},
		{ID: "version", Hosts: []string{"x.b.example"}, Headers: []Header{{"X-Ver", HeaderRegex, "[0-9]+"}}},
	})
	tests := map[string]struct {
		target *Target
		want   []Decision
	}{
		"most specific host": {
			target("GET", "X.B.example:80", "/foo/x", "x-env:prod", "x-a:1"),
			[]Decision{
				{"exact", false, false, `path "/foo/x" is not "/foo/bar", is not below "/x", does not match "/y+"`},
				{"post", false, false, `method "GET" is none of POST, PUT`},
				{"env", false, false, `header "x-env" is not "canary"`},
				{"version", false, false, `header "x-ver" is absent`},
				{"wild", true, true, `host *.b.example and any path`},
				{"foo", true, false, `route "wild" came first: its host is more specific`},
				{"get", true, false, `route "wild" came first: its host is more specific`},
				{"header", true, false, `route "wild" came first: its host is more specific`},
				{"header-later", true, false, `route "wild" came first: its host is more specific`},
				{"any", true, false, `route "wild" came first: its host is more specific`},
			},
		},
		"path": {
			target("GET", "x.test", "/foo/", "x-ver:a"),
			[]Decision{
				{"exact", false, false, `host "x.test" is none of x.b.example`},
				{"post", false, false, `host "x.test" is none of x.b.example`},
				{"env", false, false, `host "x.test" is none of x.b.example`},
				{"version", false, false, `host "x.test" is none of x.b.example`},
				{"wild", false, false, `host "x.test" is none of a.example, *.b.example`},
				{"foo", true, true, `any host and path prefix "/foo"`},
				{"get", true, false, `route "foo" came first: its path is more specific`},
				{"header", false, false, `header "x-a" is absent`},
				{"header-later", false, false, `header "x-a" is absent`},
				{"any", true, false, `route "foo" came first: its path is more specific`},
			},
		},
		"methods, host without canonical spelling": {
			target("GET", "a b", "/foot", "X-A:1"),
			[]Decision{
				{"exact", false, false, `host "a b" matches only routes without hosts: a host name holds only letters, digits, "-", "_" and "."`},
				{"post", false, false, `host "a b" matches only routes without hosts: a host name holds only letters, digits, "-", "_" and "."`},
				{"env", false, false, `host "a b" matches only routes without hosts: a host name holds only letters, digits, "-", "_" and "."`},
				{"version", false, false, `host "a b" matches only routes without hosts: a host name holds only letters, digits, "-", "_" and "."`},
				{"wild", false, false, `host "a b" matches only routes without hosts: a host name holds only letters, digits, "-", "_" and "."`},
				{"foo", false, false, `path "/foot" is not below "/foo"`},
				{"get", true, true, `any host and any path`},
				{"header", true, false, `route "get" came first: it lists methods`},
				{"header-later", true, false, `route "get" came first: it lists methods`},
				{"any", true, false, `route "get" came first: it lists methods`},
			},
		},
		"headers, then order": {
			target("POST", "a.test", "/", "X-A:1"),
			[]Decision{
				{"exact", false, false, `host "a.test" is none of x.b.example`},
				{"post", false, false, `host "a.test" is none of x.b.example`},
				{"env", false, false, `host "a.test" is none of x.b.example`},
				{"version", false, false, `host "a.test" is none of x.b.example`},
				{"wild", false, false, `host "a.test" is none of a.example, *.b.example`},
				{"foo", false, false, `path "/" is not below "/foo"`},
				{"get", false, false, `method "POST" is none of GET`},
				{"header", true, true, `any host and any path`},
				{"header-later", true, false, `route "header" came first: it stands before this one`},
				{"any", true, false, `route "header" came first: it has more header conditions`},
			},
		},
		"header that does not match": {
			target("GET", "x.b.example", "/y", "x-ver:1a"),
			[]Decision{
				{"exact", true, true, `host x.b.example and path regex "/y+"`},
				{"post", false, false, `method "GET" is none of POST, PUT`},
				{"env", false, false, `header "x-env" is absent`},
				{"version", false, false, `header "x-ver" does not match "[0-9]+"`},
				{"wild", true, false, `route "exact" came first: its host is more specific`},
				{"foo", false, false, `path "/y" is not below "/foo"`},
				{"get", true, false, `route "exact" came first: its host is more specific`},
				{"header", false, false, `header "x-a" is absent`},
				{"header-later", false, false, `header "x-a" is absent`},
				{"any", true, false, `route "exact" came first: its host is more specific`},
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := table.Explain(test.target)
			if len(got) != len(test.want) {
				t.Fatalf("got %d decisions, want %d", len(got), len(test.want))
			}
			for i := range got {
				if !reflect.DeepEqual(got[i], test.want[i]) {
					t.Errorf("%d:\ngot  %+v\nwant %+v", i, got[i], test.want[i])
				}
			}
		})
	}
}
