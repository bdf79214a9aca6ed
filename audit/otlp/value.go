package otlp

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of fields of AnyValue, and of the messages that it consists of (opentelemetry/proto/common/v1).
const (
	anyString = 1
	anyBool   = 2
	anyInt    = 3
	anyDouble = 4
	anyArray  = 5
	anyList   = 6

	listValues = 1 // of ArrayValue and of KeyValueList
	pairKey    = 1
	pairValue  = 2
)

// maxDepth is how deep values may stand in each other. Events need four.
const maxDepth = 16

var errJSON = errors.New("no JSON object")

// reader reads one line of JSON, and appends what it says as messages.
type reader struct {
	in []byte // what is left of the line
	// member hears of members of the outermost object that are strings. It returns true for those that are to be left out.
	member func(key, value []byte) bool
}

// begin appends the tag of a message whose length is not known yet.
func begin(b []byte, field protowire.Number) (_ []byte, start int) {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return b, len(b)
}

// end puts the length in front of a message.
func end(b []byte, start int) []byte {
	n := len(b) - start
	size := protowire.SizeVarint(uint64(n))
	for range size {
		b = append(b, 0)
	}
	copy(b[start+size:], b[start:start+n])
	protowire.AppendVarint(b[start:start], uint64(n))
	return b
}

func text(b []byte, field protowire.Number, s []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), s)
}

// textPair appends a KeyValue of text.
func textPair(b []byte, field protowire.Number, key, s []byte) []byte {
	b, pair := begin(b, field)
	b = text(b, pairKey, key)
	b, value := begin(b, pairValue)
	return end(end(text(b, anyString, s), value), pair)
}

// object appends the members of an object, each as a KeyValue with that number.
func (r *reader) object(b []byte, field protowire.Number, depth int) ([]byte, error) {
	return r.sequence(b, '{', '}', func(b []byte) ([]byte, error) {
		key, err := r.string()
		if err != nil {
			return b, err
		}
		if err := r.expect(':'); err != nil {
			return b, err
		}
		r.space()
		if depth == 0 && len(r.in) > 0 && r.in[0] == '"' {
			value, err := r.string()
			if err != nil || r.member(key, value) {
				return b, err
			}
			return textPair(b, field, key, value), nil
		}
		b, pair := begin(b, field)
		b = text(b, pairKey, key)
		b, value := begin(b, pairValue)
		if b, err = r.value(b, depth+1); err != nil {
			return b, err
		}
		return end(end(b, value), pair), nil
	})
}

// value appends the fields of an AnyValue.
func (r *reader) value(b []byte, depth int) ([]byte, error) {
	r.space()
	if len(r.in) == 0 || depth > maxDepth {
		return b, errJSON
	}
	switch r.in[0] {
	case '"':
		s, err := r.string()
		return text(b, anyString, s), err
	case '{':
		b, list := begin(b, anyList)
		b, err := r.object(b, listValues, depth)
		return end(b, list), err
	case '[':
		b, array := begin(b, anyArray)
		b, err := r.sequence(b, '[', ']', func(b []byte) ([]byte, error) {
			b, value := begin(b, listValues)
			b, err := r.value(b, depth+1)
			return end(b, value), err
		})
		return end(b, array), err
	}
	return r.scalar(b)
}

// scalar appends a number or a truth value. Null is a value without content.
func (r *reader) scalar(b []byte) ([]byte, error) {
	n := bytes.IndexAny(r.in, ",}] \t\r\n")
	if n < 0 {
		n = len(r.in)
	}
	word := r.in[:n]
	r.in = r.in[n:]
	switch string(word) {
	case "null":
		return b, nil
	case "true", "false":
		b = protowire.AppendTag(b, anyBool, protowire.VarintType)
		return protowire.AppendVarint(b, protowire.EncodeBool(word[0] == 't')), nil
	}
	if i, err := strconv.ParseInt(string(word), 10, 64); err == nil {
		b = protowire.AppendTag(b, anyInt, protowire.VarintType)
		return protowire.AppendVarint(b, uint64(i)), nil
	}
	f, err := strconv.ParseFloat(string(word), 64)
	if err != nil {
		return b, errJSON
	}
	b = protowire.AppendTag(b, anyDouble, protowire.Fixed64Type)
	return protowire.AppendFixed64(b, math.Float64bits(f)), nil
}

// sequence reads what stands between two brackets, separated by commas.
func (r *reader) sequence(b []byte, open, closed byte, item func([]byte) ([]byte, error)) ([]byte, error) {
	if err := r.expect(open); err != nil {
		return b, err
	}
	if r.space(); len(r.in) > 0 && r.in[0] == closed {
		r.in = r.in[1:]
		return b, nil
	}
	for {
		var err error
		if b, err = item(b); err != nil {
			return b, err
		}
		if r.space(); len(r.in) > 0 && r.in[0] == ',' {
			r.in = r.in[1:]
			continue
		}
		return b, r.expect(closed)
	}
}

// string reads a string. What it returns is valid until the line is not.
func (r *reader) string() ([]byte, error) {
	r.space()
	if len(r.in) == 0 || r.in[0] != '"' {
		return nil, errJSON
	}
	escaped := false
	for i := 1; i < len(r.in); i++ {
		switch r.in[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			quoted := r.in[:i+1]
			r.in = r.in[i+1:]
			if !escaped {
				return quoted[1:i], nil
			}
			var s string
			if err := json.Unmarshal(quoted, &s); err != nil {
				return nil, errJSON
			}
			return []byte(s), nil
		}
	}
	return nil, errJSON
}

func (r *reader) expect(c byte) error {
	if r.space(); len(r.in) == 0 || r.in[0] != c {
		return errJSON
	}
	r.in = r.in[1:]
	return nil
}

func (r *reader) space() {
	for len(r.in) > 0 && (r.in[0] == ' ' || r.in[0] == '\t' || r.in[0] == '\n' || r.in[0] == '\r') {
		r.in = r.in[1:]
	}
}
