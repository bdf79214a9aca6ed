package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/suggest"
)

// maxInherits bounds the items between one and the built-in defaults.
const maxInherits = 8

// inheritable are the key paths of what has an id and can inherit: all but these two.
func inheritable[T any]() []string {
	return slices.DeleteFunc(leafPaths(reflect.TypeFor[T]()), func(path string) bool {
		return path == "id" || path == "inherits"
	})
}

// heirs are the items of a list of which each may inherit from another one. Each effective item is computed once.
type heirs[T any] struct {
	*loader
	list      string // key of the list
	one, many string // what messages call an item, and several of them
	builtIn   func() *T
	builtInID string // by which the built-in default is inherited if no item has it; empty: it has none

	// own writes the settings of an item over those that it inherits, which stay as they are.
	own func(path string, tree map[string]any, inherited *T) *T

	items []heir[T]
	index map[string]int   // id → place of the first item of that id
	trees []map[string]any // the items as they were written
}

// heir is an item of the list.
type heir[T any] struct {
	id, inherits string
	effective    *T  // nil: not yet computed
	depth        int // items between it and the built-in defaults
}

// resolve returns the effective items.
func (h *heirs[T]) resolve(list any) (all []*T) {
	written, _ := list.([]any)
	h.index, h.trees = map[string]int{}, make([]map[string]any, len(h.items))
	for i, item := range h.items {
		h.trees[i], _ = written[i].(map[string]any)
		if _, ok := h.index[item.id]; !ok && item.id != "" {
			h.index[item.id] = i
		}
	}
	for i := range h.items {
		all = append(all, h.resolved(i, nil).effective)
	}
	return all
}

// resolved computes the item at place i: what it inherits, with its own settings written over it. The chain holds the
// places that led here.
func (h *heirs[T]) resolved(i int, chain []int) *heir[T] {
	item := &h.items[i]
	if item.effective != nil {
		return item
	}
	path := indexPath(h.list, i)
	parent := h.inherited(item, path, append(chain, i))
	if item.depth = parent.depth + 1; item.depth == maxInherits+2 { // reported where the chain becomes too long, not for each heir
		h.add(path+".inherits", "inherits %d %s deep: at most %d", maxInherits+1, h.many, maxInherits)
	}
	item.effective = h.own(path, h.trees[i], parent.effective)
	return item
}

// inherited returns what the item at the end of the chain starts from. After a problem that is the built-in default, so
// that the rest can still be checked.
func (h *heirs[T]) inherited(item *heir[T], path string, chain []int) *heir[T] {
	builtIn := &heir[T]{effective: h.builtIn()}
	if item.inherits == "" {
		return builtIn
	}
	j, ok := h.index[item.inherits]
	switch {
	case !ok && item.inherits == h.builtInID:
		return builtIn
	case !ok:
		h.add(path+".inherits", "no %s %q%s", h.one, item.inherits, suggest.DidYouMean(item.inherits, h.known()))
		return builtIn
	}
	if at := slices.Index(chain, j); at >= 0 {
		var circle []string
		for _, k := range append(chain[at:], j) {
			circle = append(circle, h.items[k].id)
		}
		h.add(path+".inherits", "inherits in a circle: %s", strings.Join(circle, " → "))
		return builtIn
	}
	return h.resolved(j, chain)
}

// known lists the ids that may be inherited.
func (h *heirs[T]) known() []string {
	ids := slices.Collect(maps.Keys(h.index))
	if _, ok := h.index[h.builtInID]; !ok && h.builtInID != "" {
		ids = append(ids, h.builtInID)
	}
	slices.Sort(ids)
	return ids
}
