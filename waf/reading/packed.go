package reading

// packedItem is the head of an item of MessagePack or CBOR.
type packedItem struct {
	kind packedKind
	size uint64 // bytes behind the head, or members of a list, or pairs of a map
	head int    // bytes; 0 if there is no item
	open bool   // it has no size, and ends with packedEnd
}

type packedKind uint8

const (
	packedOther packedKind = iota // a number or the like: nothing in it is shown
	packedText
	packedBytes
	packedList
	packedMap
	packedTag // another item follows, which it says something of
	packedEnd
)

// maxPacked is how deep lists and maps may nest.
const maxPacked = 128

// packedWalker shows the texts in MessagePack (its specification, "Formats") or CBOR (RFC 8949).
type packedWalker struct {
	v     *Values
	item  func(data string) packedItem
	data  string
	dark  string // begins where nothing is shown of, and has data at its end
	path  []byte
	texts int
}

// packed reads a body in one of these formats, one item after another, and reports whether it is in it,
// with so many texts in it at least.
func (v *Values) packed(name string, item func(string) packedItem, data string, least int) bool {
	mark, left := len(v.found), v.left
	w := packedWalker{v: v, item: item, data: data, dark: data, path: append(v.json.path[:0], name...)}
	ok := true
	for ok && w.data != "" {
		ok = w.walk(maxPacked)
	}
	v.runs(ArgsPost, bodyKey, w.dark)
	v.json.path = w.path[:0]
	ok = (ok || v.cut) && w.texts >= least
	if !ok {
		v.found, v.left = v.found[:mark], left
	}
	return ok
}

// isPacked reports whether data begins as a list or a map does, which most bodies are.
func isPacked(item func(string) packedItem, data string) bool {
	i := item(data)
	return i.head > 0 && (i.kind == packedList || i.kind == packedMap)
}

func (w *packedWalker) walk(depth int) bool {
	i := w.item(w.data)
	if i.head == 0 || i.kind == packedEnd || depth == 0 {
		return false
	}
	w.data = w.data[i.head:]
	switch i.kind {
	case packedTag:
		return w.walk(depth - 1)
	case packedList, packedMap:
		return w.members(i, depth)
	}
	if i.open {
		return w.chunks(i.kind)
	}
	whole := i.size <= uint64(len(w.data))
	content := w.data[:min(i.size, uint64(len(w.data)))]
	w.data = w.data[len(content):]
	if content != "" && i.kind != packedOther {
		w.show(i.kind, content, len(content))
	}
	return whole
}

// chunks walks a text or bytes in chunks, which are one value: an attack may be split over them.
func (w *packedWalker) chunks(kind packedKind) bool {
	a := &w.v.arena
	begin := w.data
	size, whole, next := 0, false, w.data
	for {
		chunk := w.item(next)
		if chunk.head == 0 || chunk.kind == packedEnd {
			whole = chunk.head > 0
			next = next[chunk.head:]
			break
		}
		if chunk.kind != kind || chunk.open {
			return false
		}
		n := min(chunk.size, uint64(len(next)-chunk.head))
		size += int(n)
		next = next[uint64(chunk.head)+n:]
		if n < chunk.size {
			break
		}
	}
	a.room(size)
	from := len(a.buf)
	for at := begin; len(at) > len(next); {
		chunk := w.item(at)
		if chunk.head == 0 || chunk.kind == packedEnd {
			break
		}
		end := uint64(chunk.head) + min(chunk.size, uint64(len(at)-chunk.head))
		a.buf = append(a.buf, at[chunk.head:end]...)
		at = at[end:]
	}
	if w.data = next; size > 0 {
		w.show(kind, a.since(from), len(begin)-len(next))
	}
	return whole
}

// members walks the members of a list, or the pairs of a map, whose names become a part of the key.
func (w *packedWalker) members(i packedItem, depth int) bool {
	parent := len(w.path)
	for n := uint64(0); i.open || n < i.size; n++ {
		next := w.item(w.data)
		if next.head == 0 {
			return false
		}
		if next.kind == packedEnd {
			w.data = w.data[next.head:]
			return i.open
		}
		if i.kind == packedMap {
			end := uint64(next.head) + next.size
			if next.kind == packedText && !next.open && next.size <= maxWord && end <= uint64(len(w.data)) {
				name := w.data[next.head:end]
				w.path = append(append(w.path, '.'), name...)
				w.data = w.data[end:]
				if w.item(w.data).kind != packedText { // whose key would have the name
					w.put("", len(name))
				}
			} else if !w.walk(depth - 1) {
				return false
			}
		}
		if !w.walk(depth - 1) {
			return false
		}
		w.path = w.path[:parent]
	}
	return true
}

// show adds a text, which took so many bytes in front of data.
func (w *packedWalker) show(kind packedKind, s string, took int) {
	if kind == packedBytes && !nearlyText(s) {
		w.v.binary(ArgsPost, w.key(), s)
		return
	}
	w.texts++
	w.put(s, took)
}

// put adds a value, which took so many bytes in front of data, and what letters there are before it.
func (w *packedWalker) put(text string, took int) {
	w.v.runs(ArgsPost, bodyKey, w.dark[:len(w.dark)-len(w.data)-took])
	w.dark = w.data
	key := w.key()
	w.v.put(ArgsPost, key, text)
	w.v.nested(ArgsPost, key, text)
}

// key is the end of the path, in bounded length.
func (w *packedWalker) key() string {
	a := &w.v.arena
	path := w.path[max(0, len(w.path)-maxWord-1):]
	a.room(len(path))
	from := len(a.buf)
	a.buf = append(a.buf, path...)
	return a.since(from)
}

func bigEndian(s string) (n uint64) {
	for i := range len(s) {
		n = n<<8 | uint64(s[i])
	}
	return n
}

// msgpackItem reads the head of an item of MessagePack.
func msgpackItem(data string) packedItem {
	if data == "" {
		return packedItem{}
	}
	sized := func(kind packedKind, width int, more uint64) packedItem {
		if len(data) <= width {
			return packedItem{}
		}
		return packedItem{kind: kind, size: bigEndian(data[1:1+width]) + more, head: 1 + width}
	}
	switch c := data[0]; {
	case c < 0x80 || c >= 0xe0:
		return packedItem{head: 1}
	case c < 0x90:
		return packedItem{kind: packedMap, size: uint64(c & 15), head: 1}
	case c < 0xa0:
		return packedItem{kind: packedList, size: uint64(c & 15), head: 1}
	case c < 0xc0:
		return packedItem{kind: packedText, size: uint64(c & 31), head: 1}
	case c == 0xc1:
		return packedItem{}
	case c < 0xc4:
		return packedItem{head: 1}
	case c < 0xc7:
		return sized(packedBytes, 1<<(c-0xc4), 0)
	case c < 0xca:
		return sized(packedBytes, 1<<(c-0xc7), 1)
	case c < 0xcc:
		return packedItem{size: 4 << (c - 0xca), head: 1}
	case c < 0xd0:
		return packedItem{size: 1 << (c - 0xcc), head: 1}
	case c < 0xd4:
		return packedItem{size: 1 << (c - 0xd0), head: 1}
	case c < 0xd9:
		return packedItem{kind: packedBytes, size: 1 + 1<<(c-0xd4), head: 1}
	case c < 0xdc:
		return sized(packedText, 1<<(c-0xd9), 0)
	case c < 0xde:
		return sized(packedList, 2<<(c-0xdc), 0)
	default:
		return sized(packedMap, 2<<(c-0xde), 0)
	}
}

// cborItem reads the head of an item of CBOR.
func cborItem(data string) packedItem {
	if data == "" {
		return packedItem{}
	}
	major, low := data[0]>>5, data[0]&31
	i := packedItem{head: 1, size: uint64(low)}
	switch {
	case low >= 28 && low < 31:
		return packedItem{}
	case low == 31:
		if major < 2 || major == 6 {
			return packedItem{}
		}
		i.open, i.size = major < 7, 0
	case low >= 24:
		width := 1 << (low - 24)
		if len(data) <= width {
			return packedItem{}
		}
		i.head += width
		i.size = bigEndian(data[1 : 1+width])
	}
	switch major {
	case 2:
		i.kind = packedBytes
	case 3:
		i.kind = packedText
	case 4:
		i.kind = packedList
	case 5:
		i.kind = packedMap
	case 6:
		i.kind = packedTag
	case 7:
		if low == 31 {
			i.kind = packedEnd
		}
		i.size = 0
	default:
		i.size = 0
	}
	return i
}
