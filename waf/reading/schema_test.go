package reading

import (
	"encoding/binary"
	"strconv"
	"strings"
	"testing"
)

// pb spells a field with a length.
func pb(number int, value string) string {
	b := binary.AppendUvarint(nil, uint64(number)<<3|2)
	return string(binary.AppendUvarint(b, uint64(len(value)))) + value
}

func shopSchema() *Schema {
	order := &MessageType{Name: "shop.Order"}
	old := &MessageType{Name: "shop.Order.Old", Fields: map[uint64]Field{1: {Name: "text", Kind: FieldText}}}
	order.Fields = map[uint64]Field{
		1: {Name: "note", Kind: FieldText}, 2: {Name: "parts", Kind: FieldMessage, Type: order}, 3: {Name: "sizes", Packed: true},
		4: {Name: "blob", Kind: FieldBytes}, 5: {Name: "count"}, 6: {Name: "old", Kind: FieldGroup, Type: old},
	}
	return &Schema{Methods: map[string]*MessageType{"shop.Orders/Create": order}}
}

func readCall(known bool, path, message string) string {
	v := &Values{Options: Options{Schema: shopSchema(), KnownFields: known}}
	v.Head(&Request{Method: "POST", Target: path, Protocol: "HTTP/2.0", ID: "id", Headers: []Header{{Name: "Content-Type", Value: "application/grpc"}}})
	frame := string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))) + message
	v.Body("", "application/grpc", []byte(frame), true)
	return read(v)
}

func TestSchema(t *testing.T) {
	const create = "/shop.Orders/Create"
	group := "\x33" + pb(1, "grown") + "\x34"
	for name, tt := range map[string]struct{ path, message, want, refused string }{
		"names":          {create, pb(1, "two words") + pb(2, pb(1, "inner")+pb(2, pb(1, "innermost"))), "note = \"two words\"|parts.note = \"inner\"|parts.parts.note = \"innermost\"", ""},
		"below a prefix": {"/api" + create + "?x", pb(1, "a b"), "note = \"a b\"", ""},
		"numbers":        {create, pb(3, "0123456789abcdefg") + "\x29ABCDEFGH", "", ""},
		"bytes":          {create, pb(4, "a text of bytes") + pb(4, pb(1, "a message")+"\x08\x96\x01"), "blob = \"a text of bytes\"|blob.1 = \"a message\"", ""},
		"control bytes":  {create, pb(1, "a\x01b\x02c\x03d"), "note = \"a b c d\"", ""},
		"a group":        {create, group + pb(1, "after"), "text = \"grown\"|note = \"after\"", ""},
		"unknown":        {create, pb(1, "known") + pb(77, "unknown text"), "note = \"known\"|77 = \"unknown text\"", "gRPC: field 77 of shop.Order is in no descriptor"},
		"unknown below":  {create, pb(2, pb(77, "unknown text")), "parts.77 = \"unknown text\"", "gRPC: field 77 of shop.Order is in no descriptor"},
		"another type":   {create, "\x08\x01" + pb(5, "a text"), "5 = \"a text\"", "gRPC: field 1 of shop.Order is in no descriptor"},
		"no message":     {create, pb(2, "just a text"), "parts = \"just a text\"", ""},
	} {
		got := readCall(false, tt.path, tt.message)
		want := "as RAW\n"
		for line := range strings.SplitSeq(tt.want, "|") {
			if line != "" {
				want += "ARGS_POST:shop.Orders/Create." + line + "\n"
			}
		}
		if !strings.HasPrefix(got, want) || strings.Contains(got, "refused") {
			t.Errorf("%s:\n%swant\n%s", name, got, want)
		}
		if got := readCall(true, tt.path, tt.message); strings.Contains(got, "refused body: "+tt.refused) != (tt.refused != "") {
			t.Errorf("%s:\n%swant refused %q", name, got, tt.refused)
		}
	}
	if got := readCall(false, "/shop.Orders/Other", pb(1, "a text")); !strings.Contains(got, "ARGS_POST:protobuf.1 = \"a text\"") {
		t.Error(got)
	}
	if got := readCall(true, "/shop.Orders/Other", pb(1, "a text")); !strings.Contains(got, "refused body: gRPC: method shop.Orders/Other is in no descriptor") {
		t.Error(got)
	}
}

// Whatever a message is, reading it by a type ends, keeps within its bounds and finds every text of the type's own.
func FuzzSchema(f *testing.F) {
	f.Add(pb(1, "a text")+pb(2, pb(1, "b")), "a note", false)
	f.Add("\x33"+pb(1, "grown")+"\x34\x08\x01", "x", true)
	f.Add(strings.Repeat("\x12\x03", 50), "deep", false)
	f.Fuzz(func(t *testing.T, message, note string, known bool) {
		readCall(known, "/shop.Orders/Create", message)
		if note == "" || !isClean(note) {
			return
		}
		if got := readCall(known, "/shop.Orders/Create", pb(2, pb(2, pb(1, note)))+"\x28\x07"); !strings.Contains(got, "ARGS_POST:shop.Orders/Create.parts.parts.note = "+strconv.Quote(note)) && !strings.Contains(got, "JSON") {
			t.Fatalf("%q:\n%s", note, got)
		}
	})
}
