package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/config/file"
)

// TestFileAgrees wants each key that commands write, by the types of package file, to be one that is read,
// and its value to be written in a form that is read there.
func TestFileAgrees(t *testing.T) {
	agrees(t, "", reflect.TypeFor[file.Entries](), reflect.TypeFor[Routes]())
}

func agrees(t *testing.T, path string, written, read reflect.Type) {
	t.Helper()
	fields := map[string]reflect.Type{}
	for _, f := range fieldsOf(read) {
		fields[f.key] = f.typ
	}
	for i := range written.NumField() {
		f := written.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key == "" || key == "-" {
			continue
		}
		at := joinPath(path, key)
		want, known := fields[key]
		if !known {
			if path == "upstreams[].timeouts" || path == "routes[].timeouts" { // one type writes both
				other := reflect.TypeFor[RouteTimeouts]()
				if path == "routes[].timeouts" {
					other = reflect.TypeFor[UpstreamTimeouts]()
				}
				if slices.Contains(keysOf(other), key) {
					continue
				}
			}
			t.Errorf("%s is written, and nobody reads it: known are %s", at, strings.Join(keysOf(read), ", "))
			continue
		}
		w, r := plainType(f.Type), plainType(want)
		for w.Kind() == reflect.Slice && r.Kind() == reflect.Slice {
			w, r, at = plainType(w.Elem()), plainType(r.Elem()), at+"[]"
		}
		if w.Kind() == reflect.String && isMapping(r) && plainOf(r) != nil {
			r = plainOf(r).Type
		}
		switch {
		case isMapping(r) && w.Kind() == reflect.Struct:
			agrees(t, at, w, r)
		case isText(r) && w.Kind() == reflect.String, !isMapping(r) && !isText(r) && w.Kind() == r.Kind():
		default:
			t.Errorf("%s is written as %s and read as %s", at, w, wanted(r))
		}
	}
}

func plainType(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
