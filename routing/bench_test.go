package routing

import (
	"fmt"
	"testing"
)

// few is what a small installation has.
func few() []Entry[int] {
	return []Entry[int]{
		{ID: "shop", Hosts: []string{"shop.example"}},
		{ID: "shop-api", Hosts: []string{"shop.example"}, Paths: []Path{{PathPrefix, "/api"}}},
		{ID: "shop-write", Hosts: []string{"shop.example"}, Paths: []Path{{PathPrefix, "/api"}}, Methods: []string{"POST", "PUT"}},
		{ID: "shop-canary", Hosts: []string{"shop.example"}, Paths: []Path{{PathPrefix, "/api"}}, Headers: []Header{{"X-Env", HeaderExact, "canary"}}},
		{ID: "wild", Hosts: []string{"*.example"}},
		{ID: "health", Paths: []Path{{PathExact, "/healthz"}}},
	}
}

func entries(n int, fill func(i int, e *Entry[int])) []Entry[int] {
	list := make([]Entry[int], n)
	for i := range list {
		list[i].ID, list[i].Value = fmt.Sprint(i), i
		fill(i, &list[i])
	}
	return list
}

func thousandHosts() []Entry[int] {
	return entries(1000, func(i int, e *Entry[int]) { e.Hosts = []string{fmt.Sprintf("svc-%d.ns.svc.cluster.local", i)} })
}

func thousandPrefixes() []Entry[int] {
	return entries(1000, func(i int, e *Entry[int]) {
		e.Hosts = []string{"shop.example"}
		e.Paths = []Path{{PathPrefix, fmt.Sprintf("/api/v1/service-%d", i)}}
	})
}

func hundredRegexes() []Entry[int] {
	return entries(100, func(i int, e *Entry[int]) { e.Paths = []Path{{PathRegex, fmt.Sprintf("/service-%d/[0-9]+/items", i)}} })
}

var matchCases = []struct {
	name    string
	entries []Entry[int]
	target  *Target
	want    string
}{
	{"few/prefix", few(), target("GET", "shop.example", "/api/v1/users/42", "Host:shop.example", "Accept:*/*", "User-Agent:curl"), "shop-api"},
	{"few/header", few(), target("GET", "Shop.Example:8080", "/api/v1/users/42", "Host:shop.example", "Accept:*/*", "X-Env:canary"), "shop-canary"},
	{"few/wildcard", few(), target("GET", "a.b.example", "/index.html"), "wild"},
	{"few/any", few(), target("GET", "10.0.0.1:8080", "/healthz"), "health"},
	{"few/none", few(), target("GET", "10.0.0.1:8080", "/.env"), ""},
	{"hosts1000", thousandHosts(), target("GET", "svc-567.ns.svc.cluster.local", "/api/v1/users/42"), "567"},
	{"hosts1000/none", thousandHosts(), target("GET", "svc-x.ns.svc.cluster.local", "/api/v1/users/42"), ""},
	{"prefixes1000", thousandPrefixes(), target("GET", "shop.example", "/api/v1/service-567/items/1"), "567"},
	{"prefixes1000/none", thousandPrefixes(), target("GET", "shop.example", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p"), ""},
	{"regexes100", hundredRegexes(), target("GET", "h", "/service-7/123/items"), "7"},
	{"regexes100/none", hundredRegexes(), target("GET", "h", "/index.html"), ""},
}

func BenchmarkMatch(b *testing.B) {
	for _, c := range matchCases {
		b.Run(c.name, func(b *testing.B) {
			table := mustNew(b, c.entries)
			b.ReportAllocs()
			for b.Loop() {
				if m, _ := table.Match(c.target); m.ID != c.want {
					b.Fatalf("got %q, want %q", m.ID, c.want)
				}
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	list := thousandPrefixes()
	b.ReportAllocs()
	for b.Loop() {
		mustNew(b, list)
	}
}

func BenchmarkCanonicalPath(b *testing.B) {
	for name, path := range map[string]string{
		"plain":   "/api/v1/users/42/orders?page=3&sort=asc",
		"escaped": "/api/%76%31/../v1//users/%34%32/./orders?page=3",
	} {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				dst = CanonicalPath(dst[:0], path)
			}
		})
	}
}
