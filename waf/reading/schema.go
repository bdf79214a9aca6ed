package reading

import "strings"

// Schema says what is in the messages that methods of gRPC take. It is not changed any more once it is read by.
type Schema struct {
	// Methods are the types of what methods take, by "package.Service/Method".
	Methods map[string]*MessageType
}

// MessageType is a type of messages of Protocol Buffers.
type MessageType struct {
	Name   string
	Fields map[uint64]Field // by number
}

// Field is a field of a message.
type Field struct {
	Name   string
	Kind   FieldKind
	Packed bool         // a list of numbers, which may stand in one text
	Type   *MessageType // of FieldMessage and FieldGroup
}

// FieldKind is what a field holds, as far as it matters to who looks for texts.
type FieldKind uint8

// The kinds of fields.
const (
	FieldNumber FieldKind = iota
	FieldText
	FieldBytes
	FieldMessage
	FieldGroup // a message between two tags
)

// holds reports whether a tag of that wire type has a field of that kind. What has not is unknown to parsers.
func (f Field) holds(wire uint64) bool {
	switch wire {
	case 2:
		return f.Kind != FieldGroup && (f.Kind != FieldNumber || f.Packed)
	case 3, 4:
		return f.Kind == FieldGroup
	}
	return f.Kind == FieldNumber
}

// method is the name by which a path asks for a method: its last two segments.
func method(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		if j := strings.LastIndexByte(path[:i], '/'); j >= 0 {
			return path[j+1:]
		}
	}
	return ""
}

// typed is what is known of the messages of the request's method.
func (v *Values) typed() (name string, input *MessageType) {
	if v.Options.Schema == nil {
		return "", nil
	}
	name = method(v.Text(RequestFilename))
	return name, v.Options.Schema.Methods[name]
}
