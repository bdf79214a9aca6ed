package config

import (
	"fmt"
	"reflect"
)

// Effective returns a configuration, or a part of one, with the keys and in the spelling of the files, for
// encoding. What is empty is left out. mask gets the name and the value of header fields, and returns what of
// the value may be shown; of the text of rules only the length is.
func Effective(part any, mask func(name, value string) string) any {
	return effective(reflect.ValueOf(part), mask)
}

var endpointType = reflect.TypeFor[Endpoint]()

func effective(v reflect.Value, mask func(name, value string) string) any {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = effective(v.Index(i), mask)
		}
		return list
	case isText(v.Type()):
		return formatValue(v)
	case v.Type() == endpointType && v.Interface() == (Endpoint{Address: v.Field(0).String(), Weight: DefaultWeight}):
		return v.Field(0).String()
	case v.Kind() != reflect.Struct:
		return v.Interface()
	}
	all := map[string]any{}
	for _, f := range fieldsOf(v.Type()) {
		if value := v.Field(f.index); !empty(value) {
			all[f.key] = effective(value, mask)
		}
	}
	hide(all, v.Interface(), mask)
	return all
}

// empty is true for what a file need not say: there is no setting whose value is the empty text or list
// and means something else than its absence.
func empty(v reflect.Value) bool {
	if v.Type() == momentType {
		return v.Interface().(Moment).IsZero()
	}
	switch v.Kind() {
	case reflect.String, reflect.Slice:
		return v.Len() == 0
	case reflect.Pointer:
		return v.IsNil()
	}
	return false
}

// hide masks what may be a secret.
func hide(all map[string]any, part any, mask func(name, value string) string) {
	shown := func(key, name, value string) {
		if value != "" {
			all[key] = mask(name, value)
		}
	}
	switch p := part.(type) {
	case HeaderField:
		shown("value", p.Name, p.Value)
	case HeaderMatch:
		shown("exact", p.Name, p.Exact)
		shown("regex", p.Name, p.Regex)
	case Rules:
		all["inline"] = fmt.Sprintf("[masked %d bytes]", len(p.Inline))
		all["source"] = p.Source
	case Exclusion:
		all["source"] = p.Source
	case Policy:
		all["sources"] = p.Sources
	case Access:
		all["sources"] = p.Sources
	case Recording:
		all["sources"] = p.Sources
	case Challenge:
		if len(p.Keys) > 0 {
			all["keys"] = fmt.Sprintf("[masked %d]", len(p.Keys))
		}
	case Sticky:
		all["secret"] = fmt.Sprintf("[masked %d bytes]", len(p.Secret))
	}
}
