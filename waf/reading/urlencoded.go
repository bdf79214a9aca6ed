package reading

import "strings"

// unhex is the value of a hexadecimal digit; negative for other bytes.
var unhex = func() (t [256]int16) {
	for c := range t {
		t[c] = -1
	}
	for c := int16(0); c < 10; c++ {
		t['0'+c] = c
	}
	for c := int16(0); c < 6; c++ {
		t['a'+c], t['A'+c] = 10+c, 10+c
	}
	return t
}()

// pairs adds the name=value pairs of s, leniently decoded, up to the limit for arguments
// (url/url.go). It reports how many there were, and whether these were all.
func (v *Values) pairs(s string, k Kind) (n int, whole bool) {
	for s != "" {
		pair := s
		if i := strings.IndexByte(s, '&'); i >= 0 {
			pair, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		if pair == "" {
			continue
		}
		if n == argumentsLimit {
			return n, false
		}
		n++
		// One look at the pair finds the end of the name and what has to be decoded.
		equals, name, value := -1, false, false
		for i := range len(pair) {
			switch pair[i] {
			case '=':
				if equals < 0 {
					equals, name, value = i, value, false
				}
			case '%', '+':
				value = true
			}
		}
		key, text := pair, ""
		if equals < 0 {
			name = value
		} else {
			key, text = pair[:equals], pair[equals+1:]
			if value {
				text = v.unescape(text)
			}
		}
		if name {
			key = v.unescape(key)
		}
		v.all = append(v.all, Value{k, key, text})
	}
	return n, true
}

// unescape decodes plus signs and escapes; an escape that is not whole stands for itself.
func (v *Values) unescape(s string) string {
	v.arena.room(len(s))
	from := len(v.arena.buf)
	b := v.arena.buf
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if i+2 < len(s) {
				if hi, lo := unhex[s[i+1]], unhex[s[i+2]]; hi|lo >= 0 {
					c = byte(hi<<4 | lo)
					i += 2
				}
			}
		}
		b = append(b, c)
	}
	v.arena.buf = b
	return v.arena.since(from)
}

// urlencoded adds the values of a form (bodyprocessors/urlencoded.go).
func (v *Values) urlencoded(body string) (ok bool, why string) {
	from := len(v.all)
	if _, whole := v.pairs(body, ArgsPost); !whole {
		return false, "more arguments than Coraza takes"
	}
	// Coraza groups the values by name, and then stores each group in a map that ignores the
	// case of names: of groups that differ in nothing else, the one that a map's iteration
	// happens to yield last remains.
	if !v.keys.consistent(v.all[from:]) {
		return false, "argument names that may differ only in case"
	}
	v.mark(ArgsPost, from)
	v.raw(body)
	return true, ""
}

// raw sets what the processors URLENCODED and RAW set.
func (v *Values) raw(body string) {
	v.set(RequestBody, body)
	v.set(RequestBodyLength, v.itoa(len(body)))
}

// keyTable is an open-addressing hash table of keys without regard to case.
type keyTable struct{ slots []int32 } // index of a value, plus one

// maxProbes bounds the work for keys chosen to collide. At most half of the slots are taken,
// so keys that nobody chose stay far below it.
const maxProbes = 100

func (t *keyTable) reset() {
	if cap(t.slots) > keepValues {
		t.slots = nil
	}
}

// consistent reports whether keys that are one to Coraza's maps are spelled alike. It may
// say no where maxProbes keeps it from knowing.
func (t *keyTable) consistent(values []Value) bool {
	if len(values) < 2 {
		return true
	}
	size := 16
	for size < 2*len(values) {
		size *= 2
	}
	if cap(t.slots) < size {
		t.slots = make([]int32, size)
	}
	t.slots = t.slots[:size]
	clear(t.slots)
	for i := range values {
		key := values[i].Key
		h := uint32(2166136261) // FNV-1a of the lower case
		for j := range len(key) {
			c := key[j]
			if c >= 0x80 {
				return t.consistentUnicode(values)
			}
			h = (h ^ uint32(lowerByte(c))) * 16777619
		}
		for probe, at := 0, h%uint32(size); ; probe, at = probe+1, (at+1)%uint32(size) {
			if t.slots[at] == 0 {
				t.slots[at] = int32(i) + 1
				break
			}
			if k := values[t.slots[at]-1].Key; k == key {
				break
			} else if probe == maxProbes || EqualKeys(k, key) {
				return false
			}
		}
	}
	return true
}

// consistentUnicode is the rare case: a name that is not ASCII.
func (t *keyTable) consistentUnicode(values []Value) bool {
	spelled := make(map[string]string, len(values))
	for i := range values {
		key := values[i].Key
		lower := Lower(key)
		if first, found := spelled[lower]; found && first != key {
			return false
		}
		spelled[lower] = key
	}
	return true
}
