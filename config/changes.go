package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// Change is one value that differs between two configurations.
type Change struct {
	Path   string // as in the files; elements of lists by id, or by place
	Before any    // nil: it was not there
	After  any    // nil: it is gone
}

// Changes compares two configurations, or parts of them, as [Effective] returns them. It returns the first most changes, and how many there are
// beyond them. What is new or gone as a whole is one change.
func Changes(before, after any, most int) (changes []Change, more int) {
	c := comparison{most: most}
	c.compare("", before, after)
	return c.changes, c.more
}

type comparison struct {
	most    int
	changes []Change
	more    int
}

func (c *comparison) compare(path string, before, after any) {
	was, wasMap := before.(map[string]any)
	is, isMap := after.(map[string]any)
	if wasMap && isMap {
		c.members(path, was, is)
		return
	}
	wasList, one := before.([]any)
	isList, two := after.([]any)
	if one && two {
		c.members(path, byID(wasList), byID(isList))
		return
	}
	if reflect.DeepEqual(before, after) {
		return
	}
	if len(c.changes) == c.most {
		c.more++
		return
	}
	c.changes = append(c.changes, Change{path, before, after})
}

func (c *comparison) members(path string, was, is map[string]any) {
	keys := slices.Collect(maps.Keys(was))
	for key := range is {
		if _, both := was[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if key == "sources" || key == "source" { // where a value stands, not what it is
			continue
		}
		below := key
		if path != "" {
			below = path + "." + key
		}
		c.compare(below, was[key], is[key])
	}
}

// byID are the elements of a list by their ids, or by their places if they have none.
func byID(list []any) map[string]any {
	all := map[string]any{}
	for i, one := range list {
		key := strconv.Itoa(i)
		if m, ok := one.(map[string]any); ok && m["id"] != nil {
			key = fmt.Sprint(m["id"])
		}
		if _, taken := all[key]; taken {
			key += "#" + strconv.Itoa(i)
		}
		all[key] = one
	}
	return all
}
