package descriptor

import (
	"testing"

	"github.com/wafer-waf/wafer/waf/reading"
)

// FuzzParse reads sets that may be anything. One that is read has a type for every method, and for every field that is a
// message: who reads messages by it follows them without looking.
func FuzzParse(f *testing.F) {
	f.Add(set(f, shop))
	f.Add(set(f, `file { name: "a.proto" service { name: "S" method { name: "M" input_type: ".T" output_type: ".T" } } }`))
	f.Add([]byte("syntax = \"proto3\";"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		if len(s.Methods) == 0 {
			t.Error("no method")
		}
		seen := map[*reading.MessageType]bool{}
		for name, m := range s.Methods {
			follow(t, name, m, seen)
		}
	})
}

// follow goes through a type and those of its fields.
func follow(t *testing.T, from string, m *reading.MessageType, seen map[*reading.MessageType]bool) {
	if m == nil {
		t.Fatalf("%s: no type", from)
	}
	if seen[m] {
		return
	}
	seen[m] = true
	for number, field := range m.Fields {
		isMessage := field.Kind == reading.FieldMessage || field.Kind == reading.FieldGroup
		if number == 0 || isMessage != (field.Type != nil) {
			t.Fatalf("%s, field %d of %s: %+v", from, number, m.Name, field)
		}
		if isMessage {
			follow(t, m.Name, field.Type, seen)
		}
	}
}
