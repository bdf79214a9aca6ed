package prefilter

import (
	"maps"
	"math/bits"
	"slices"
	"strings"
	"unsafe"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// grams finds up to some thousand literals in a value, in one pass. It knows each by one gram,
// three bytes of it in a row, those that ordinary values are least likely to have, or its only
// two. At each byte one look tells whether a gram ends there, which is seldom so; then the
// literals with this gram are compared. In an automaton each byte has to wait for the memory
// that the byte before led to; here it need not, which takes 1.4 ns for a byte of prose
// instead of 2.4. With more literals too many bytes end a gram.
type grams struct {
	set    [1 << 9]uint64 // a bit for each gram, by the classes of its bytes
	before [1 << 9]uint16 // how many bits are set before each word
	first  []uint16       // by the number of the gram, the first of its places in list
	list   []uint16       // literals by gram
	known  []known
}

// known is a literal.
type known struct {
	text   string
	behind int // bytes behind its gram
	ids    []int32
}

// mostGrams is up to how many literals that pays. A literal of two bytes has 32 grams, which
// 16 bits have to count.
const mostGrams = 2000

// gramClass has one of 32 classes of bytes: letters, whatever their case, and six more.
var gramClass = func() (class [256]uint8) {
	for b := range class {
		switch c := lower(byte(b)); {
		case 'a' <= c && c <= 'z':
			class[b] = c - 'a'
		case '0' <= c && c <= '9':
			class[b] = 26
		case c == ' ':
			class[b] = 27
		case c == '.' || c == ',':
			class[b] = 28
		case c == '-' || c == '_' || c == '/':
			class[b] = 29
		case c < ' ' || c >= 0x7f:
			class[b] = 30
		default:
			class[b] = 31
		}
	}
	return class
}()

// newGrams takes folded literals of at least two bytes and their ids.
func newGrams(literals []string, ids []int32) *grams {
	byText := map[string][]int32{}
	for i, s := range literals {
		byText[s] = append(byText[s], ids[i])
	}
	g := &grams{}
	byGram := map[uint32][]uint16{}
	for _, s := range slices.Sorted(maps.Keys(byText)) {
		end := rarestGram(s)
		n := uint16(len(g.known))
		g.known = append(g.known, known{s, len(s) - end, byText[s]})
		last := uint32(gramClass[s[end-2]])<<5 | uint32(gramClass[s[end-1]])
		if len(s) > 2 {
			gram := uint32(gramClass[s[end-3]])<<10 | last
			byGram[gram] = append(byGram[gram], n)
			continue
		}
		for any := range uint32(1 << 5) {
			byGram[any<<10|last] = append(byGram[any<<10|last], n)
		}
	}
	for _, gram := range slices.Sorted(maps.Keys(byGram)) {
		g.set[gram/64] |= 1 << (gram % 64)
		g.first = append(g.first, uint16(len(g.list)))
		g.list = append(g.list, byGram[gram]...)
	}
	g.first = append(g.first, uint16(len(g.list)))
	n := 0
	for i, word := range g.set {
		g.before[i] = uint16(n)
		n += bits.OnesCount64(word)
	}
	return g
}

// rarestGram returns where the gram of a literal ends.
func rarestGram(s string) int {
	size := min(len(s), 3)
	best := size
	for end := size + 1; end <= len(s); end++ {
		if chanceOfLiteral(s[end-size:end]) < chanceOfLiteral(s[best-size:best]) {
			best = end
		}
	}
	return best
}

// search notes the ids of the literals that the value at hand has, and has without the evasion
// bytes.
func (g *grams) search(sc *Scratch, m *met) {
	g.scan(sc.value, m)
	if sc.bytes&evasion != 0 {
		if !sc.gathered {
			sc.around, sc.gathered = appendAround(sc.around[:0], sc.value), true
		}
		g.scan(unsafe.String(unsafe.SliceData(sc.around), len(sc.around)), m)
	}
}

func (g *grams) scan(value string, m *met) {
	w := uint32(0)
	for i := range len(value) {
		w = w<<5 | uint32(gramClass[value[i]])
		if g.set[w>>6&(1<<9-1)]>>(w&63)&1 != 0 {
			g.compare(value, i+1, w&(1<<15-1), m)
		}
	}
}

// compare notes the literals whose gram ends before an index of a value.
func (g *grams) compare(value string, end int, gram uint32, m *met) {
	n := int(g.before[gram/64]) + bits.OnesCount64(g.set[gram/64]&(1<<(gram%64)-1))
	for _, i := range g.list[g.first[n]:g.first[n+1]] {
		k := &g.known[i]
		end := end + k.behind
		if begin := end - len(k.text); begin >= 0 && end <= len(value) && equalFolded(value[begin:end], k.text) {
			for _, id := range k.ids {
				if set(m.has, uint32(id)) {
					m.list = append(m.list, id)
				}
			}
		}
	}
}

// equalFolded reports whether s is, once folded, the literal of the same length.
func equalFolded(s, literal string) bool {
	for i := range len(s) {
		if lower(s[i]) != literal[i] {
			return false
		}
	}
	return true
}

// appendAround appends what is around the evasion bytes of a value, without them, as far as a
// literal may reach.
func appendAround(to []byte, value string) []byte {
	const reach = maxLiteral - 1
	var next [len(evasionBytes)]int // of each of these bytes, where it comes next
	done := 0                       // what was looked at
	for {
		first := len(value)
		for j := range next {
			if next[j] < done || done == 0 {
				if next[j] = strings.IndexByte(value[done:], evasionBytes[j]); next[j] < 0 {
					next[j] = len(value)
				} else {
					next[j] += done
				}
			}
			first = min(first, next[j])
		}
		if first == len(value) {
			return to
		}
		to = append(to, value[max(done, first-reach):first]...)
		done = first
		for left := reach; left > 0 && done < len(value); done++ {
			if byteset.Byte(value[done])&evasion != 0 {
				left = reach
				continue
			}
			to = append(to, value[done])
			left--
		}
	}
}
