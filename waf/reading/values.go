package reading

import (
	"strconv"
	"unsafe"
)

// Value is one value of one variable.
type Value struct {
	Kind Kind
	// Decoded: a value of the same kind and key stands before this one, of which the transformation urlDecodeUni
	// makes what it makes of this one, and both are ASCII: rules that begin with it need not look twice.
	Decoded bool // beside Kind, where it takes no memory
	// Key is what Coraza's MatchData.Key returns: the name as the client wrote it; empty for
	// kinds with a single value and for FILES and FILES_NAMES.
	Key  string
	Text string
}

// Values are the values of one transaction. The zero value is ready for [Values.Head]; one
// that is used again keeps its memory, within bounds. It belongs to one goroutine at a time.
//
// All strings in it alias the request, the body, or memory of the Values. They are valid
// until Reset, and as long as the caller leaves the body unchanged.
type Values struct {
	// Options may be set before Head. Reset leaves them alone.
	Options Options

	all   []Value
	spans [Kinds]span // of the kinds with keys: where in all they are
	arena arena
	args  int     // bytes in the keys and values of arguments
	found []Value // in the body, in the order of the document, until they are settled
	cut   bool    // the body at hand is only the beginning of one
	left  string  // see Uninspected

	inner     bool     // an XML document within a value is read
	strings   int      // that were shown by themselves
	documents []string // texts in an XML document that begin like one

	strange bool // a pair was found whose name no encoder of forms would write

	json jsonWalker
	xml  xmlMemory

	slots []nameSlot // room for the names of arguments
	chain []link
	jar   int // cookies so far
}

type span struct{ from, to int }

// What Reset keeps of a Values' memory at most.
const (
	keepValues = 4 << 10 // of 40 bytes
	keepBytes  = 256 << 10
)

// Reset forgets everything and keeps the memory.
func (v *Values) Reset() {
	if cap(v.all) > keepValues {
		v.all = nil
	}
	clear(v.all)
	v.all = v.all[:0]
	v.spans = [Kinds]span{}
	v.arena.reset()
	v.args = 0
	v.json.reset()
	if cap(v.found) > keepValues {
		v.found = nil
	}
	clear(v.found)
	v.found = v.found[:0]
	v.cut, v.left, v.strings = false, "", 0
	if cap(v.documents) > keepValues {
		v.documents = nil
	}
	clear(v.documents)
	v.documents = v.documents[:0]
	v.xml.reset()
}

// Holds is about how many bytes the values take beside the message that they were read from.
func (v *Values) Holds() int {
	return v.arena.total + (cap(v.all)+cap(v.found))*int(unsafe.Sizeof(Value{}))
}

// All returns every value: those of single kinds first, in the order of the kinds, then the
// others, kind by kind, each in the order of the document. It is the caller's to read, until
// the next call of a method that adds values.
func (v *Values) All() []Value { return v.all }

// Of returns the values of kind k in the order of the document, on the terms of All.
func (v *Values) Of(k Kind) []Value {
	if k < singles {
		if len(v.all) == 0 {
			return nil
		}
		return v.all[k : k+1]
	}
	s := v.spans[k]
	return v.all[s.from:s.to]
}

// Text is the value of a single kind.
func (v *Values) Text(k Kind) string { return v.all[k].Text }

// Count is what &VARIABLE:selector counts in kind k; an empty selector counts all.
func (v *Values) Count(k Kind, selector string) int {
	values := v.Of(k)
	if selector == "" || k.Single() {
		return len(values)
	}
	n := 0
	for i := range values {
		if k.Selects(selector, values[i].Key) {
			n++
		}
	}
	return n
}

// First returns the first value of kind k that the selector selects.
func (v *Values) First(k Kind, selector string) (Value, bool) {
	for _, x := range v.Of(k) {
		if k.Selects(selector, x.Key) {
			return x, true
		}
	}
	return Value{}, false
}

func (v *Values) set(k Kind, text string) { v.all[k].Text = text }

func (v *Values) add(k Kind, key, text string) {
	v.all = append(v.all, Value{Kind: k, Key: key, Text: text})
}

// mark ends a run of values of kind k that began at index from.
func (v *Values) mark(k Kind, from int) { v.spans[k] = span{from, len(v.all)} }

// names adds the names of the values of kind k.
func (v *Values) names(k, names Kind) {
	from := len(v.all)
	s := v.spans[k]
	for i := s.from; i < s.to; i++ {
		key := v.all[i].Key
		v.all = append(v.all, Value{Kind: names, Key: key, Text: key})
	}
	v.mark(names, from)
}

// sizeArgs adds the arguments of kind k to ARGS_COMBINED_SIZE.
func (v *Values) sizeArgs(k Kind) {
	for i := range v.Of(k) {
		x := &v.all[v.spans[k].from+i]
		v.args += len(x.Key) + len(x.Text)
	}
	v.set(ArgsCombinedSize, v.itoa(v.args))
}

func (v *Values) itoa(n int) string {
	if 0 <= n && n < 100 {
		return strconv.Itoa(n) // from a table of the library's
	}
	v.arena.room(20)
	from := len(v.arena.buf)
	v.arena.buf = strconv.AppendInt(v.arena.buf, int64(n), 10)
	return v.arena.since(from)
}

// arena holds the text that is not a part of the message: what was decoded or put together.
// A buffer that is full is left to the strings in it.
type arena struct {
	buf   []byte
	total int // bytes of it, and of those before it, to which strings may still refer
}

// room makes sure that n bytes can be appended in one piece.
func (a *arena) room(n int) {
	if cap(a.buf)-len(a.buf) < n {
		a.buf = make([]byte, 0, max(n, 2*cap(a.buf), 1<<10))
		a.total += cap(a.buf)
	}
}

// since returns what was appended after the buffer's length was from.
func (a *arena) since(from int) string { return view(a.buf[from:]) }

func (a *arena) reset() {
	if cap(a.buf) > keepBytes {
		a.buf = nil
	}
	a.buf, a.total = a.buf[:0], cap(a.buf)
}

// view is b as a string that shares its memory.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// SetProcessor does what ctl:requestBodyProcessor does, before Body: it chooses the processor
// that REQBODY_PROCESSOR names, in upper case.
func (v *Values) SetProcessor(name string) { v.set(ReqbodyProcessor, name) }
