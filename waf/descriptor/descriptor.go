// Package descriptor makes of a FileDescriptorSet, as protoc --descriptor_set_out writes it, what
// package reading needs to name the fields in messages of gRPC. Its functions may be called concurrently.
package descriptor

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/wafer-waf/wafer/waf/reading"
)

// Parse reads a descriptor set. Every type that its methods take has to be in it, imports included.
func Parse(set []byte) (*reading.Schema, error) {
	var files descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(set, &files); err != nil || len(files.GetFile()) == 0 {
		return nil, errors.New("not a descriptor set: write one with protoc --include_imports --descriptor_set_out=FILE")
	}
	all, err := protodesc.NewFiles(&files)
	if err != nil {
		text := strings.TrimPrefix(err.Error(), "proto: ")
		text = strings.TrimPrefix(text, "proto:\u00a0") // the library chooses between the two
		if strings.Contains(text, "could not resolve import") {
			text += ": write the set with protoc --include_imports"
		}
		return nil, fmt.Errorf("descriptor set: %s", text)
	}
	b := builder{types: map[protoreflect.FullName]*reading.MessageType{}}
	schema := &reading.Schema{Methods: map[string]*reading.MessageType{}}
	all.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			for j := range s.Methods().Len() {
				m := s.Methods().Get(j)
				schema.Methods[string(s.FullName())+"/"+string(m.Name())] = b.message(m.Input())
			}
		}
		return true
	})
	all.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		b.extend(f.Extensions(), f.Messages())
		return true
	})
	if len(schema.Methods) == 0 {
		return nil, errors.New("descriptor set: no service in it has a method")
	}
	return schema, nil
}

// builder makes each type once: they refer to each other in circles.
type builder struct {
	types map[protoreflect.FullName]*reading.MessageType
}

func (b *builder) message(d protoreflect.MessageDescriptor) *reading.MessageType {
	if t := b.types[d.FullName()]; t != nil {
		return t
	}
	t := &reading.MessageType{Name: string(d.FullName()), Fields: map[uint64]reading.Field{}}
	b.types[d.FullName()] = t
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		t.Fields[uint64(f.Number())] = b.field(string(f.Name()), f)
	}
	return t
}

func (b *builder) field(name string, f protoreflect.FieldDescriptor) reading.Field {
	field := reading.Field{Name: name}
	switch f.Kind() {
	case protoreflect.StringKind:
		field.Kind = reading.FieldText
	case protoreflect.BytesKind:
		field.Kind = reading.FieldBytes
	case protoreflect.MessageKind:
		field.Kind, field.Type = reading.FieldMessage, b.message(f.Message())
	case protoreflect.GroupKind:
		field.Kind, field.Type = reading.FieldGroup, b.message(f.Message())
	default:
		field.Packed = f.IsList() // parsers take both ways of writing one
	}
	return field
}

// extend adds the fields that types get from elsewhere.
func (b *builder) extend(extensions protoreflect.ExtensionDescriptors, within protoreflect.MessageDescriptors) {
	for i := range extensions.Len() {
		x := extensions.Get(i)
		t := b.message(x.ContainingMessage())
		t.Fields[uint64(x.Number())] = b.field(string(x.FullName()), x)
	}
	for i := range within.Len() {
		m := within.Get(i)
		b.extend(m.Extensions(), m.Messages())
	}
}
