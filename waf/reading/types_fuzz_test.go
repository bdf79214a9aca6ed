package reading

import (
	"encoding/binary"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// typedSeeds are the bodies of testdata/types.
func typedSeeds(f *testing.F, each func(mediaType string, body []byte)) {
	files, err := filepath.Glob(filepath.Join("testdata", "types", "*", "*.txt"))
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds")
	}
	for _, file := range files {
		x := readTyped(f, file)
		each(x.mediaType, x.data)
	}
}

// shown is everything that rules see of a body: texts, and names apart.
type shown struct {
	texts map[string]bool
	names []string
}

func shownBy(v *Values) shown {
	s := shown{texts: map[string]bool{}}
	for _, k := range []Kind{ArgsPost, RequestXML} {
		for _, x := range v.Of(k) {
			s.texts[x.Text] = true
			s.names = append(s.names, x.Key)
		}
	}
	return s
}

// bounded holds that no body gives more values, and no more bytes in their keys, than it may.
func bounded(t *testing.T, v *Values, body []byte) {
	t.Helper()
	keys := 0
	for _, x := range v.Of(ArgsPost) {
		keys += len(x.Key)
	}
	if n := len(v.Of(ArgsPost)); n > maxValues {
		t.Errorf("%d values", n)
	}
	// A budget for JSON, one for JSON in its strings, and short keys beyond.
	if most := 40*len(body) + 64<<10; keys > most {
		t.Errorf("keys of %d bytes for a body of %d", keys, len(body))
	}
}

// FuzzOther holds of any body under any type that it is bounded, and that what a form parser reads in a
// form and what a text says are seen.
func FuzzOther(f *testing.F) {
	typedSeeds(f, func(mediaType string, body []byte) { f.Add(mediaType, body) })
	v := new(Values)
	f.Fuzz(func(t *testing.T, mediaType string, body []byte) {
		readBody(v, mediaType, body)
		bounded(t, v, body)
		if refused(v) != "" {
			return
		}
		s := shownBy(v)
		read := v.Text(ReqbodyProcessor)
		declared := processor(mediaType)
		switch {
		case declared == "" && read == "RAW" && len(body) > 0 && familyOf(mediaType) < protobuf &&
			isClean(string(body)) && utf8.ValidString(string(body)) && !strings.HasPrefix(string(body), "\xef\xbb\xbf"):
			if !s.texts[string(body)] {
				t.Errorf("a text is not shown: %q", body)
			}
		case declared == "URLENCODED" && !isBinary(string(body)) && (read == "URLENCODED" || read == "RAW"):
			for pair := range strings.SplitSeq(string(body), "&") {
				name, value, found := strings.Cut(pair, "=")
				if found && !s.texts[v.decoded(value)] {
					t.Errorf("the value of %q is not shown", pair)
				}
				if name = v.decoded(name); found && name != "" && !s.texts[name] && !contains(s.names, name) {
					t.Errorf("the name of %q is not shown", pair)
				}
			}
		}
		// The beginning of the body is read as far as it goes, and never refused for where it ends.
		v.Head(&Request{Method: "POST", Target: "/"})
		v.Body("", mediaType, body[:len(body)/2], false)
		bounded(t, v, body)
	})
}

func contains(names []string, name string) bool {
	for _, s := range names {
		if strings.Contains(s, name) {
			return true
		}
	}
	return false
}

// FuzzJSONLeaves holds that every string and every name which encoding/json reads is seen, or that the
// body is refused; and the same of several texts, one after another.
func FuzzJSONLeaves(f *testing.F) {
	typedSeeds(f, func(_ string, body []byte) { f.Add(body) })
	f.Add([]byte(strings.Repeat(`{"name":[1,2,{"x":"y"}],"":`, 30) + "1" + strings.Repeat("}", 30)))
	v := new(Values)
	f.Fuzz(func(t *testing.T, body []byte) {
		readBody(v, "application/json", body)
		bounded(t, v, body)
		if refused(v) != "" {
			if json.Valid(body) && len(body) < maxDepth {
				t.Errorf("refused: %s", refused(v))
			}
			return
		}
		texts, names := map[string]bool{}, strings.Builder{}
		for _, x := range v.Of(ArgsPost) {
			texts[strings.ToValidUTF8(x.Text, "\ufffd")] = true
			names.WriteString(strings.ToValidUTF8(x.Key, "\ufffd") + "\n")
		}
		if len(body) > 1 && (body[0] == 0 || body[1] == 0) {
			return // UTF-16 or UTF-32 (RFC 4627), of which encoding/json reads no more than a digit
		}
		decoder := json.NewDecoder(strings.NewReader(string(body)))
		decoder.UseNumber()
		for {
			var x any
			if decoder.Decode(&x) != nil {
				return
			}
			leaves(x, func(name, text string, isName bool) {
				if isName && !strings.Contains(names.String(), squeeze(name)) && !strings.Contains(squeeze(names.String()), squeeze(name)) {
					t.Errorf("the name %q is not shown", name)
				}
				if !isName && !texts[text] && !squeezed(texts, text) {
					t.Errorf("%q is not shown", text)
				}
			})
		}
	})
}

// squeeze makes one of several replacement characters: how many stand for bytes that are no UTF-8
// differs.
func squeeze(s string) string {
	for strings.Contains(s, "\ufffd\ufffd") {
		s = strings.ReplaceAll(s, "\ufffd\ufffd", "\ufffd")
	}
	return s
}

func squeezed(texts map[string]bool, text string) bool {
	for s := range texts {
		if squeeze(s) == squeeze(text) {
			return true
		}
	}
	return false
}

// leaves calls each for the names and the scalars in a value; a name twice is there once only.
func leaves(x any, each func(name, text string, isName bool)) {
	switch x := x.(type) {
	case map[string]any:
		for name, member := range x {
			each(name, "", true)
			leaves(member, each)
		}
	case []any:
		for _, member := range x {
			leaves(member, each)
		}
	case string:
		each("", x, false)
	case json.Number:
		each("", x.String(), false)
	}
}

// FuzzProtobuf holds that the texts of a message are seen, wherever they are in it, and that no bytes
// break the walkers of binary formats.
func FuzzProtobuf(f *testing.F) {
	f.Add("a", "some text", uint64(150), []byte{1, 2, 3})
	f.Add("1' OR '1'='1", "\n", uint64(1)<<63, []byte("\x0a\x05hello"))
	typedSeeds(f, func(_ string, body []byte) { f.Add("x", "y", uint64(0), body) })
	v := new(Values)
	f.Fuzz(func(t *testing.T, first, second string, number uint64, data []byte) {
		field := func(to []byte, n uint64, s []byte) []byte {
			return append(binary.AppendUvarint(binary.AppendUvarint(to, n<<3|2), uint64(len(s))), s...)
		}
		inner := binary.AppendUvarint([]byte{1 << 3}, number)
		inner = field(inner, 3, []byte(second))
		body := field(nil, 1, []byte(first))
		body = field(body, 7, inner)
		body = field(body, 8, data)
		body = binary.LittleEndian.AppendUint64(append(body, 9<<3|1), number)
		body = field(body, 100, []byte(second))
		frame := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
		for mediaType, body := range map[string][]byte{"application/x-protobuf": body, "application/grpc-web+proto": frame} {
			readBody(v, mediaType, body)
			bounded(t, v, body)
			s := shownBy(v)
			for _, text := range []string{first, second} {
				if text != "" && isClean(text) && !s.texts[text] {
					t.Errorf("%s: %q is not shown", mediaType, text)
				}
			}
		}
		for _, mediaType := range []string{"application/msgpack", "application/cbor", "application/grpc", "application/grpc-web-text", "application/octet-stream"} {
			readBody(v, mediaType, data)
			bounded(t, v, data)
		}
	})
}
