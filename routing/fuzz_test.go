package routing

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The alphabets are small, so that conditions collide and overlap all the time. A name stands beside
// its canonical spelling: the reference has no code for that.
var (
	fuzzHosts = []struct{ written, canonical string }{
		{"a.example", "a.example"},
		{"A.Example.:80", "a.example"},
		{"b.a.example", "b.a.example"},
		{"example", "example"},
		{"*.example", "*.example"},
		{"*.EXAMPLE:443", "*.example"},
		{"*.a.example", "*.a.example"},
		{"*.b.a.example", "*.b.a.example"},
		{"[0::1]", "[::1]"},
		{"ü.example", "xn--tda.example"},
	}
	fuzzTargetHosts = []struct{ written, canonical string }{
		{"a.example", "a.example"},
		{"A.EXAMPLE.:8080", "a.example"},
		{"b.a.example", "b.a.example"},
		{"c.B.a.example:", "c.b.a.example"},
		{"d.c.b.a.example", "d.c.b.a.example"},
		{"example", "example"},
		{"xexample", "xexample"},
		{"[::1]:80", "[::1]"},
		{"xn--TDA.example", "xn--tda.example"},
		{"x.test", "x.test"},
		{"", ""},
		{".example", ""},
		{"a b.example", ""},
	}
	fuzzPaths = []Path{
		{PathExact, "/"}, {PathExact, "/a"}, {PathExact, "/a/"}, {PathExact, "/a/b"}, {PathExact, "/ab"},
		{PathPrefix, "/"}, {PathPrefix, "/a"}, {PathPrefix, "/a/"}, {PathPrefix, "/a/b"}, {PathPrefix, "/a/b/c"}, {PathPrefix, "/ab"},
		{PathRegex, "/a.*"}, {PathRegex, "^/a/."}, {PathRegex, "/[ab]"}, {PathRegex, "/a|/b"}, {PathRegex, "(?i)/A"}, {PathRegex, ".*"},
	}
	fuzzTargetPaths = []string{"/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c/d", "/ab", "/abc/d", "/b", "/A", "/a/\n", "*", "/x/y/z"}
	fuzzMethods     = []string{"GET", "PUT", "POST"}
	fuzzHeaders     = []Header{
		{"X-A", HeaderExact, "1"}, {"x-a", HeaderExact, "1"}, {"x-A", HeaderExact, ""}, {"X-A", HeaderPresent, ""},
		{"X-A", HeaderRegex, "[12]"}, {"X-B", HeaderExact, "1"}, {"X-B", HeaderRegex, "1|2"}, {"X-B", HeaderPresent, ""},
	}
	fuzzLines = []string{"x-a:1", "X-A:2", "X-a:12", "x-a:", "X-B:1", "x-b:3", "X-C:1"}
)

// input hands out choices from the bytes of the fuzzer; it ends in zeros.
type input []byte

func (in *input) choose(n int) int {
	if len(*in) == 0 {
		return 0
	}
	c := int((*in)[0])
	*in = (*in)[1:]
	return c % n
}

// refEntry is an entry as the reference sees it.
type refEntry struct {
	entry Entry[int]
	hosts []string // canonical
}

func (in *input) entry(i int) refEntry {
	e := refEntry{entry: Entry[int]{ID: fmt.Sprint(i), Value: i}}
	for range in.choose(3) {
		h := fuzzHosts[in.choose(len(fuzzHosts))]
		e.entry.Hosts = append(e.entry.Hosts, h.written)
		e.hosts = append(e.hosts, h.canonical)
	}
	for range in.choose(4) {
		e.entry.Paths = append(e.entry.Paths, fuzzPaths[in.choose(len(fuzzPaths))])
	}
	for range in.choose(3) {
		e.entry.Methods = append(e.entry.Methods, fuzzMethods[in.choose(len(fuzzMethods))])
	}
	for range in.choose(3) {
		e.entry.Headers = append(e.entry.Headers, fuzzHeaders[in.choose(len(fuzzHeaders))])
	}
	return e
}

// refPath writes prefixes in one way.
func refPath(p Path) Path {
	if p.Kind == PathPrefix && p.Value != "/" {
		p.Value = strings.TrimSuffix(p.Value, "/")
	}
	return p
}

// set sorts and compacts what f makes of list.
func set[E any](list []E, f func(E) string) []string {
	var s []string
	for _, e := range list {
		s = append(s, f(e))
	}
	slices.Sort(s)
	return slices.Compact(s)
}

func (e refEntry) headers() []string {
	return set(e.entry.Headers, func(h Header) string { return fmt.Sprintln(strings.ToLower(h.Name), h.Kind, h.Value) })
}

// same reports whether two entries have the same conditions.
func (e refEntry) same(f refEntry) bool {
	self := func(s string) string { return s }
	path := func(p Path) string { return fmt.Sprintln(refPath(p)) }
	paths := func(e refEntry) []string {
		if len(e.entry.Paths) == 0 {
			return set([]Path{{PathPrefix, "/"}}, path)
		}
		return set(e.entry.Paths, path)
	}
	return slices.Equal(set(e.hosts, self), set(f.hosts, self)) &&
		slices.Equal(paths(e), paths(f)) &&
		slices.Equal(set(e.entry.Methods, self), set(f.entry.Methods, self)) &&
		slices.Equal(e.headers(), f.headers())
}

// refTarget is a target as the reference sees it.
type refTarget struct {
	host, path, method string
	lines              []string
}

// key orders all combinations that match a target: the greatest is the one to choose.
type key [6]int

// match tries every pair of host and path of the entry.
func (e refEntry) match(r refTarget) (best key, path Path, ok bool) {
	if len(e.entry.Methods) > 0 && !slices.Contains(e.entry.Methods, r.method) {
		return
	}
	for _, h := range e.entry.Headers {
		if !slices.ContainsFunc(r.lines, func(line string) bool { return refHeader(h, line) }) {
			return
		}
	}
	hosts, paths := e.hosts, e.entry.Paths
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	if len(paths) == 0 {
		paths = []Path{{}}
	}
	for _, h := range hosts {
		for _, p := range paths {
			host, hostOK := refHost(h, r.host)
			kind, length, pathOK := refMatchPath(p, r.path)
			if !hostOK || !pathOK {
				continue
			}
			k := key{host, kind, length, min(1, len(e.entry.Methods)), len(e.headers()), -e.entry.Value}
			if !ok || slices.Compare(k[:], best[:]) > 0 {
				best, path, ok = k, refPath(p), true
			}
		}
	}
	return
}

func refHost(pattern, host string) (rank int, ok bool) {
	switch {
	case pattern == "":
		return 0, true
	case pattern == host:
		return 1000, true
	case pattern[0] == '*' && strings.HasSuffix(host, pattern[1:]):
		return len(pattern), true
	}
	return 0, false
}

func refMatchPath(p Path, path string) (kind, length int, ok bool) {
	switch p = refPath(p); {
	case p == Path{}, p == Path{PathPrefix, "/"}:
		return 1, 0, true
	case p.Kind == PathPrefix:
		return 1, len(p.Value), strings.HasPrefix(path+"/", p.Value+"/")
	case p.Kind == PathRegex:
		return 2, len(p.Value), regexp.MustCompile("^(?s)(" + p.Value + ")$").MatchString(path)
	}
	return 3, 0, path == p.Value
}

func refHeader(h Header, line string) bool {
	name, value, _ := strings.Cut(line, ":")
	switch {
	case !strings.EqualFold(name, h.Name):
		return false
	case h.Kind == HeaderPresent:
		return true
	case h.Kind == HeaderRegex:
		return regexp.MustCompile("^(" + h.Value + ")$").MatchString(value)
	}
	return value == h.Value
}

// FuzzMatch compares a table with a loop over all entries that shares no code with it.
func FuzzMatch(f *testing.F) {
	random := rand.NewChaCha8([32]byte{})
	for range 500 {
		seed := make([]byte, 250)
		if _, err := random.Read(seed); err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := input(data)
		var all, unique []refEntry
		for i := range in.choose(12) {
			e := in.entry(i)
			all = append(all, e)
			if !slices.ContainsFunc(unique, e.same) {
				unique = append(unique, e)
			}
		}
		entries := func(list []refEntry) (entries []Entry[int]) {
			for _, e := range list {
				entries = append(entries, e.entry)
			}
			return entries
		}
		_, err := New(entries(all))
		problems := 0
		if err != nil {
			problems = strings.Count(err.Error(), "can never match")
		}
		if problems != len(all)-len(unique) {
			t.Fatalf("%d entries of which %d differ: %v", len(all), len(unique), err)
		}
		table, err := New(entries(unique))
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			host := fuzzTargetHosts[in.choose(len(fuzzTargetHosts))]
			ref := refTarget{
				host:   host.canonical,
				path:   fuzzTargetPaths[in.choose(len(fuzzTargetPaths))],
				method: fuzzMethods[in.choose(len(fuzzMethods))],
			}
			for range in.choose(4) {
				ref.lines = append(ref.lines, fuzzLines[in.choose(len(fuzzLines))])
			}
			var want Match[int]
			var wantOK bool
			var best key
			for _, e := range unique {
				if k, p, ok := e.match(ref); ok && (!wantOK || slices.Compare(k[:], best[:]) > 0) {
					best, wantOK = k, true
					want = Match[int]{Value: e.entry.Value, ID: e.entry.ID, Path: p}
				}
			}
			r := &Target{Host: host.written, Path: []byte(ref.path), Method: ref.method, Fields: fields(ref.lines...)}
			got, gotOK := table.Match(r)
			if got != want || gotOK != wantOK {
				t.Fatalf("%+v with host %q:\ngot  %+v, %t\nwant %+v, %t\nentries %+v", ref, host.written, got, gotOK, want, wantOK, unique)
			}
			checkExplain(t, fmt.Sprintf("%+v", ref), table.Explain(r), len(unique), got.ID)
		}
	})
}
