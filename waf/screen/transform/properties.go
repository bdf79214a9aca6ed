package transform

import "github.com/wafer-waf/wafer/waf/screen/byteset"

// properties are what is known of a transformation without calling it. The screen passes work
// over because of them, so a property that does not hold is a hole: TestProperties holds each
// against the function. One that holds and is not stated costs time only.
type properties struct {
	touches    byteset.Set
	always     bool // there is no such set
	folds      bool
	caseBlind  bool
	cuts       bool
	cutsUnless byteset.Set
	weight     int
}

// Touches returns the bytes of which a value must hold at least one to be changed or reported as
// changed. For values with none of them Apply returns the value and false. The opposite does not
// hold. If there is no such set, ok is false.
func (t *Transformation) Touches() (set byteset.Set, ok bool) { return t.touches, !t.always }

// Folds reports whether the transformation turns ASCII capitals into small letters, among
// other things. The result is the same whatever case the ASCII letters of a value have, and
// has no ASCII capital. A value that has nothing of Touches but letters becomes itself with
// its ASCII letters in lower case.
func (t *Transformation) Folds() bool { return t.folds }

// CaseBlind reports whether the case of ASCII letters does not matter to the transformation:
// of a value whose ASCII letters are in lower case it makes what it makes of the value, with
// the ASCII letters in lower case. Both are reported as changed, or neither is, but for the
// change of case itself.
func (t *Transformation) CaseBlind() bool { return t.caseBlind }

// Cuts reports whether the transformation puts nothing in, for values that have no byte of
// unless. Then the result has bytes of the value only, their ASCII letters in either case, and
// beside these spaces and slashes, and bytes from 0x80 up if the value has one. It is at most
// one byte longer than the value; where the value has bytes from 0x80 up, each of them may
// have become three.
func (t *Transformation) Cuts() (unless byteset.Set, ok bool) { return t.cutsUnless, t.cuts }

// Weight says how much else the transformation makes of ordinary text: 0 if it leaves most
// text as it is, or differs from others in few. Two chains of which the heaviest
// transformation is the same make mostly the same text. Nothing but time depends on it.
func (t *Transformation) Weight() int { return t.weight }

// MaxWeight is the weight of the heaviest transformation.
const MaxWeight = 9
