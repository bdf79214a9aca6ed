package descriptor

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/wafer-waf/wafer/waf/reading"
)

// shop is a descriptor set as protoc writes it: a type that refers to itself, a map, an extension, a group.
const shop = `
file {
  name: "shop.proto" package: "shop" syntax: "proto2"
  message_type {
    name: "Order"
    field { name: "note" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "parts" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".shop.Order" }
    field { name: "sizes" number: 3 label: LABEL_REPEATED type: TYPE_INT32 }
    field { name: "blob" number: 4 label: LABEL_OPTIONAL type: TYPE_BYTES }
    field { name: "count" number: 5 label: LABEL_OPTIONAL type: TYPE_FIXED64 }
    field { name: "old" number: 6 label: LABEL_OPTIONAL type: TYPE_GROUP type_name: ".shop.Order.Old" }
    field { name: "labels" number: 7 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".shop.Order.LabelsEntry" }
    nested_type { name: "Old" field { name: "text" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING } }
    nested_type {
      name: "LabelsEntry" options { map_entry: true }
      field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
      field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING }
    }
    extension_range { start: 100 end: 200 }
  }
  extension { name: "gift" number: 100 label: LABEL_OPTIONAL type: TYPE_STRING extendee: ".shop.Order" }
  service { name: "Orders" method { name: "Create" input_type: ".shop.Order" output_type: ".shop.Order" } }
}`

func set(t testing.TB, text string) []byte {
	t.Helper()
	var files descriptorpb.FileDescriptorSet
	if err := prototext.Unmarshal([]byte(text), &files); err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(&files)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	s, err := Parse(set(t, shop))
	if err != nil {
		t.Fatal(err)
	}
	order := s.Methods["shop.Orders/Create"]
	if len(s.Methods) != 1 || order == nil || order.Name != "shop.Order" {
		t.Fatalf("%+v", s.Methods)
	}
	for number, want := range map[uint64]reading.Field{
		1: {Name: "note", Kind: reading.FieldText}, 2: {Name: "parts", Kind: reading.FieldMessage, Type: order}, 3: {Name: "sizes", Packed: true},
		4: {Name: "blob", Kind: reading.FieldBytes}, 5: {Name: "count"}, 6: {Name: "old", Kind: reading.FieldGroup, Type: order.Fields[6].Type},
		7: {Name: "labels", Kind: reading.FieldMessage, Type: order.Fields[7].Type}, 100: {Name: "shop.gift", Kind: reading.FieldText},
	} {
		if got := order.Fields[number]; got != want {
			t.Errorf("field %d: %+v, want %+v", number, got, want)
		}
	}
	if labels := order.Fields[7].Type; labels.Fields[1].Name != "key" || labels.Fields[2].Name != "value" || len(order.Fields) != 8 {
		t.Errorf("%+v", order)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		set  []byte
		want string
	}{
		"nothing":      {nil, "not a descriptor set"},
		"text":         {[]byte("syntax = \"proto3\";"), "not a descriptor set"},
		"an import":    {set(t, `file { name: "a.proto" dependency: "b.proto" }`), "--include_imports"},
		"no service":   {set(t, `file { name: "a.proto" }`), "no service"},
		"missing type": {set(t, `file { name: "a.proto" service { name: "S" method { name: "M" input_type: ".T" output_type: ".T" } } }`), "descriptor set: "},
	} {
		if _, err := Parse(tt.set); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
