package config

import (
	"reflect"
	"testing"
)

func TestChanges(t *testing.T) {
	tree := func(paranoia int, routes ...string) any {
		var list []any
		for _, id := range routes {
			list = append(list, map[string]any{"id": id, "policy": "strict"})
		}
		return map[string]any{
			"policies": []any{map[string]any{"id": "strict", "paranoia": map[string]any{"blocking": paranoia}, "sources": map[string]any{"x": paranoia}}},
			"routes":   list,
		}
	}
	got, more := Changes(tree(1, "a", "b"), tree(2, "c", "b"), 10)
	want := []Change{
		{"policies.strict.paranoia.blocking", 1, 2},
		{"routes.a", map[string]any{"id": "a", "policy": "strict"}, nil},
		{"routes.c", nil, map[string]any{"id": "c", "policy": "strict"}},
	}
	if !reflect.DeepEqual(got, want) || more != 0 {
		t.Errorf("%v, %d more", got, more)
	}
	if got, more := Changes(tree(1, "a", "b"), tree(2, "c", "b"), 1); len(got) != 1 || more != 2 {
		t.Errorf("%v, %d more", got, more)
	}
	if got, _ := Changes(tree(1, "a", "b"), tree(1, "b", "a"), 10); len(got) != 0 {
		t.Errorf("another order is a change: %v", got)
	}
}
