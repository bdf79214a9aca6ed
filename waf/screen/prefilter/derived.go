package prefilter

import (
	"crypto/sha256"
	_ "embed" // derived.bin
	"encoding/binary"
	"sort"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// derivedNeeds has the needs of the expressions of CRS, since to derive them takes longer than
// all the rest of a policy. "make derive" writes it, and TestDerived compares it with what is
// derived now: after a change of this package or of CRS it has to be written anew. An
// expression that is not in it, of an own rule or with a change of ours, is derived when it is
// compiled.
//
// Its beginning is how many expressions there are, four bytes, and for each its key, in order, and
// where its need is written, four bytes. Numbers are big endian.
//
//go:embed derived.bin
var derivedNeeds string

// derivedKey identifies an expression; two with the same would be a collision of SHA-256.
type derivedKey [16]byte

const derivedEntry = len(derivedKey{}) + 4

func keyOf(expr string, bytes bool) derivedKey {
	kind := "runes\n"
	if bytes {
		kind = "bytes\n"
	}
	sum := sha256.Sum256([]byte(kind + expr))
	return derivedKey(sum[:])
}

// derived returns the need of an expression that was derived before.
func derived(file, expr string, bytes bool) (Need, bool) {
	key := keyOf(expr, bytes)
	number := func(at int) int { return int(binary.BigEndian.Uint32([]byte(file[at : at+4]))) }
	n := number(0)
	entry := func(i int) int { return 4 + i*derivedEntry }
	i := sort.Search(n, func(i int) bool { return file[entry(i):entry(i)+len(key)] >= string(key[:]) })
	if i == n || file[entry(i):entry(i)+len(key)] != string(key[:]) {
		return Need{}, false
	}
	r := needReader{rest: file[number(entry(i)+len(key)):]}
	return r.need(), true
}

// opSeen stands in a file for a need with subs that was written before.
const opSeen = opWhen + 1

// needReader reads a need. What is read is part of the file, and what occurs in it again is
// there once, so that it takes much less memory than what was derived.
type needReader struct {
	rest string
	seen []Need // with subs, as they end
}

func (r *needReader) need() Need {
	n := Need{op: op(r.rest[0])}
	r.rest = r.rest[1:]
	if n.op == opClass || n.op == opWhen {
		n.set = byteset.Set(binary.BigEndian.Uint64([]byte(r.rest[:8])))
		r.rest = r.rest[8:]
	}
	switch n.op {
	case opLiteral:
		size := r.number()
		n.text, r.rest = r.rest[:size], r.rest[size:]
	case opSeen:
		return r.seen[r.number()]
	case opAnd, opOr, opWhen:
		size := 2
		if n.op != opWhen {
			size = r.number()
		}
		n.subs = make([]Need, size)
		for i := range n.subs {
			n.subs[i] = r.need()
		}
		r.seen = append(r.seen, n)
	}
	return n
}

// number reads one of seven bits a byte, the lowest first, as encoding/binary writes it.
func (r *needReader) number() int {
	n := 0
	for i := 0; ; i++ {
		c := r.rest[i]
		n |= int(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.rest = r.rest[i+1:]
			return n
		}
	}
}
