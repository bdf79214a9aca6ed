package routing

import (
	"fmt"
	"strings"
	"testing"
)

// TestByHost: what a host can lead to, so that those who ask something of a host know all whom it concerns.
func TestByHost(t *testing.T) {
	prefix := func(p string) []Path { return []Path{{Kind: PathPrefix, Value: p}} }
	table, err := New([]Entry[string]{
		{ID: "all", Hosts: []string{"Shop.example:443", "b.example"}},
		{ID: "admin", Hosts: []string{"shop.example"}, Paths: prefix("/admin")},
		{ID: "api", Hosts: []string{"api.example"}, Paths: prefix("/v1")},
		{ID: "wild", Hosts: []string{"*.example"}, Methods: []string{"GET"}},
		{ID: "deep", Hosts: []string{"*.a.example", "[2001:DB8::1]"}},
		{ID: "rest"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ids := func(e *HostEntries) string {
		var list []string
		for _, i := range e.Entries {
			list = append(list, table.rules[i].id)
		}
		return strings.Join(list, " ")
	}
	got := ""
	all := table.ByHost()
	for i := range all {
		got += fmt.Sprintf("%s: %s\n", all[i].Host, ids(&all[i]))
	}
	const want = `shop.example: all admin
b.example: all
api.example: api wild rest
[2001:db8::1]: deep
*.a.example: deep
*.example: wild rest
any host: rest
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	hosts := NewHosts(all, ids)
	for host, want := range map[string]string{
		"shop.example": "all admin", "SHOP.example.:8443": "all admin", "x.a.example": "deep", "y.x.a.example": "deep", "a.example": "wild rest",
		"other.test": "rest", "": "rest", "not a host": "rest", "[2001:db8::1]:443": "deep", "2001:db8:0::1": "deep",
	} {
		if got := hosts.Find(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}
