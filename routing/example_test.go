package routing_test

import (
	"fmt"

	"github.com/wafer-waf/wafer/routing"
)

func Example() {
	table, err := routing.New([]routing.Entry[string]{
		{ID: "shop", Hosts: []string{"shop.example"}, Value: "shop-origin"},
		{ID: "api", Hosts: []string{"shop.example"}, Paths: []routing.Path{{Kind: routing.PathPrefix, Value: "/api"}}, Value: "api-origin"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := &routing.Target{
		Host:   "Shop.example:8080",
		Path:   routing.CanonicalPath(nil, "/x/%2E%2E/api/users?page=2"),
		Method: "GET",
	}
	m, ok := table.Match(r)
	fmt.Println(m.ID, m.Value, m.Path.Value, ok)
	for _, d := range table.Explain(r) {
		fmt.Printf("%s: %s\n", d.ID, d.Why)
	}
	// Output:
	// api api-origin /api true
	// api: host shop.example and path prefix "/api"
	// shop: route "api" came first: its path is more specific
}
