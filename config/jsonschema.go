package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
)

// oneTag marks, on fields of a struct, those of which exactly one has to be set.
const oneTag = "one"

// schemaNode is a part of a JSON Schema. Its keys keep their order.
type schemaNode []schemaKey

type schemaKey struct {
	name  string
	value any
}

// MarshalJSON implements [json.Marshaler].
func (n schemaNode) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, k := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(k.name)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(k.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// about says of a key path, such as "routes[].id", what it means, and whether it is required.
type about func(path string) (meaning string, required bool)

// routesSchema is the JSON Schema of route files, for editors. It is made of the types that they are read
// into, and allows all that may be valid: what names what, and what excludes what, is checked when they are read.
func routesSchema(tell about) ([]byte, error) {
	return schemaOf(reflect.TypeFor[Routes](), "Wafer route file", true, tell)
}

// bootSchema is the JSON Schema of boot files.
func bootSchema(tell about) ([]byte, error) {
	return schemaOf(reflect.TypeFor[Boot](), "Wafer boot file", false, tell)
}

func schemaOf(t reflect.Type, title string, outside bool, tell about) ([]byte, error) {
	s := &schemaMaker{tell: tell, outside: outside}
	n := schemaNode{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", title}}
	n = append(n, s.mapping(t, "")...)
	var defs schemaNode
	if outside {
		defs = append(defs, schemaKey{"outside", schemaNode{
			{"type", "string"}, {"pattern", `\$\{(env|file):[^}]*\}`}, {"description", "A value from a variable or a file."},
		}})
	}
	if defs = append(defs, s.shared...); defs != nil {
		n = append(n, schemaKey{"$defs", defs})
	}
	text, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// schemaMaker makes one schema.
type schemaMaker struct {
	tell    about
	outside bool // values may come from outside of the file
	shared  schemaNode
}

// refer is a reference to the schema of a mapping that stands in several places.
func (s *schemaMaker) refer(t reflect.Type, name string) schemaNode {
	if !slices.ContainsFunc(s.shared, func(k schemaKey) bool { return k.name == name }) {
		at := len(s.shared)
		s.shared = append(s.shared, schemaKey{name, nil}) // it may stand in itself
		s.shared[at].value = s.mapping(t, name)
	}
	return schemaNode{{"$ref", "#/$defs/" + name}}
}

// mapping is the schema of a struct.
func (s *schemaMaker) mapping(t reflect.Type, path string) schemaNode {
	var properties schemaNode
	var required []string
	groups := map[string][]string{}
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get(tagName)
		if key == "" || key == "-" {
			continue
		}
		at := joinPath(path, key)
		meaning, needed := s.tell(at)
		if needed {
			required = append(required, key)
		}
		properties = append(properties, schemaKey{key, described(s.field(f, at), meaning)})
		if group := f.Tag.Get(oneTag); group != "" {
			groups[group] = append(groups[group], key)
		}
	}
	n := schemaNode{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}}
	if required != nil {
		n = append(n, schemaKey{"required", required})
	}
	for _, keys := range groups { // a type has one at most
		var either []schemaNode
		for _, key := range keys {
			either = append(either, schemaNode{{"required", []string{key}}})
		}
		n = append(n, schemaKey{"oneOf", either})
	}
	return n
}

func described(n schemaNode, meaning string) schemaNode {
	if meaning == "" {
		return n
	}
	return slices.Concat(schemaNode{{"description", meaning}}, n)
}

// field is the schema of what stands under a key.
func (s *schemaMaker) field(f reflect.StructField, path string) schemaNode {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name := sharedName(t); name != "" {
		return s.refer(t, name)
	}
	if t.Kind() != reflect.Slice {
		if isMapping(t) {
			return s.orPlain(t, s.mapping(t, path))
		}
		return s.scalar(t, wordsOf(f))
	}
	items := s.scalar(t.Elem(), wordsOf(f))
	if isMapping(t.Elem()) {
		items = s.orPlain(t.Elem(), s.mapping(t.Elem(), path+"[]"))
	}
	return schemaNode{{"type", "array"}, {"items", items}}
}

// orPlain is the schema of a mapping, or of the plain value that may stand for it.
func (s *schemaMaker) orPlain(t reflect.Type, mapping schemaNode) schemaNode {
	f := plainOf(t)
	if f == nil {
		return mapping
	}
	return schemaNode{{"anyOf", []schemaNode{s.scalar(f.Type, wordsOf(*f)), mapping}}}
}

// scalar is the schema of a plain value.
func (s *schemaMaker) scalar(t reflect.Type, words []string) schemaNode {
	var n schemaNode
	switch {
	case isMapping(t):
		return nil
	case t == durationType:
		n = zeroOr(`^[+-]?(0|([0-9]*\.?[0-9]+(ns|us|µs|μs|ms|s|m|h))+)$`)
	case t == sizeType:
		n = zeroOr(`^(0+|[0-9]+(B|KiB|MiB|GiB))$`)
	case t == prefixType:
		n = schemaNode{{"type", "string"}, {"pattern", `^[0-9a-fA-F.:]+/[0-9]+$`}}
	case t == percentType:
		n = zeroOr(`^-?[0-9]+%$`)
	case t == shareType:
		n = zeroOr(`^([0-9]+(\.[0-9]*)?|\.[0-9]+)%$`)
	case t == statusType:
		n = schemaNode{{"anyOf", []schemaNode{{{"type", "integer"}}, {{"type", "string"}, {"pattern", `^([2-5][0-9]{2}|[2-5]xx|[2-5][0-9]{2}-[2-5][0-9]{2})$`}}}}}
	case t == amountType:
		n = schemaNode{{"anyOf", []schemaNode{{{"type", "integer"}, {"minimum", 0}}, {{"type", "string"}, {"pattern", `^[0-9]+(B|KiB|MiB|GiB)?$`}}}}}
	case t == rateType:
		n = schemaNode{{"type", "string"}, {"pattern", `^[0-9]+(B|KiB|MiB|GiB)?/(s|m|h|d|([0-9]*\.?[0-9]+(ns|us|µs|μs|ms|s|m|h))+)$`}}
	case t == momentType:
		n = schemaNode{{"type", "string"}, {"pattern", `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*)?$`}}
	case len(words) > 0:
		n = schemaNode{{"enum", words}}
	case t.Kind() == reflect.Bool:
		n = schemaNode{{"type", "boolean"}}
	case t.Kind() == reflect.Int:
		n = schemaNode{{"type", "integer"}}
	case t.Kind() == reflect.Float64:
		n = schemaNode{{"type", "number"}}
	default:
		return schemaNode{{"type", "string"}}
	}
	if !s.outside {
		return n
	}
	return schemaNode{{"anyOf", []schemaNode{n, {{"$ref", "#/$defs/outside"}}}}}
}

// zeroOr is a text with a unit, or 0.
func zeroOr(pattern string) schemaNode {
	return schemaNode{{"anyOf", []schemaNode{{{"const", 0}}, {{"type", "string"}, {"pattern", pattern}}}}}
}
