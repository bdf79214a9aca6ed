package inject

import (
	_ "embed"
	"strings"
)

// words.txt has the words of the library's sqlKeywords (sqli_data.go), under headings: the
// letter of a class, or what else the word has to it.
//
//go:embed words.txt
var wordsText string

const longest = 31 // the library looks up no longer words

var words, wordFilter = readWords(wordsText)

func readWords(text string) (map[string]token, *filter) {
	all, some := map[string]token{}, new(filter)
	heading := ""
	for f := range strings.FieldsSeq(text) {
		if h, ok := strings.CutSuffix(f, ":"); ok {
			heading = h
			continue
		}
		t := all[f]
		switch heading {
		case "begins":
			t.marks |= begins
		case "continues":
			t.marks |= continues
		case "called":
			t.marks |= called
		case "dotted":
			t.marks |= dotted
		default:
			t.class = heading[0]
		}
		switch {
		case t.class == end:
			t.class = 'n' // for now
		case t.class == 'o':
			t.marks |= worded
		}
		if f == "not" {
			t.marks |= unary
		}
		if strings.HasPrefix(f, "if") {
			t.marks |= iffy
		}
		all[f] = t
		some[hash(f)] = true
	}
	return all, some
}

// lookup finds a word without its case.
func lookup(s string) (token, bool) {
	if len(s) < 2 || len(s) > longest || !wordFilter[hash(s)] {
		return token{}, false
	}
	var lower [longest]byte
	for i := range len(s) {
		c := s[i]
		if c-'A' < 26 {
			c |= 0x20
		}
		lower[i] = c
	}
	t, ok := words[string(lower[:len(s)])]
	return t, ok
}

// filter tells most words that are not listed without looking at all of them.
type filter [4096]bool

// hash is a number for a word of two or more bytes, whatever its case.
func hash(s string) uint {
	n := len(s)
	return (uint(s[0]|0x20)*31 + uint(s[1]|0x20)*127 + uint(s[n/2]|0x20)*1021 + uint(s[n-1]|0x20)*613 + uint(n)*7) % uint(len(filter{}))
}

// beginnings has the first three classes of the fingerprints that the library takes for
// injections (its sqlKeywords again, where they are in upper case), but those with a comment
// among the three, as comments are left to the library. A line is for a first class; on it
// stand the second ones, each with a colon and the third ones.
const beginnings = `
N &:(1EFKNSV ):&,;BEFKOU ,:(F 1:OSUV ;:ENT A:(FSTV B:(1EFNSV E:(1FNOSUV F:( K:()1FNSUV O:(FKNSUV S:OU T:(1EFNSTV U:(1;EFKOSTV
1 &:(1EFKNSV (:EU ):&,;BEFKOU ,:(F ;:ENT A:(FSTV B:(1EFNSV E:(1FKNOSUV F:( K:()1FNSUV N:&(),EU O:(FKNSUV S:FUV T:(1EFNSTV U:(1;EFKOSTV V:FOSU
S &:(1EFKNSV (:EU ):&,;BEFKOU ,:(F 1:FNSUV ;:ENT A:(FSTV B:(1EFNSV E:(1FKNOSUV F:( K:()1FNSUV O:(1FKNSUV T:(1EFNSTV U:(1;EFKOSTV V:FOSU
V &:(1EFKNSV (:EU ):&,;BEFKOU ,:(F ;:ENT A:(FSTV B:(1EFNSV E:(1FKNOSUV F:( K:()1FNSUV O:(FKSU T:(1EFNSTV U:(1;EFKOSTV
F (:)1EFKNSTV
K (:1FNSV 1:,AKO F:( N:,AK S:,AKO V:,AKO
E (:1EFNSV 1:&),;BFKNOSUV E:(K F:( K:(1EFNOSV N:&(),1;BFKOU O:K S:&),1;BFKOUV V:&),;BFKNOSU
T (:1FNSV 1:FO F:( N:(1FNOSV S:FO V:FO
U (:E E:(1FKNSV F:(
& (:1FNSV 1:OU F:( N:OU S:OU V:OU
) &:( U:E
; T:(K`

// strangers are pairs of classes that stand side by side in no fingerprint, unless behind a T
// or a U: a line for the first class, on it the second ones. The most important pair are two
// bare words.
const strangers = `
N NV?
1 1:?
S NS:?
V 1V:?
O O&ETB;:?
& O&TB);:?
K KT;:?
F N1SVO&KFETBU);:?
E &TB);:?
B O&KTBU);:?
( &B(;:?
) ():?
, O&KETBU);:?
; 1SVO&KFBU);:?
: N1SVO&KFEBU();:?`

// short are the fingerprints of two or three classes, but those with a comment, and those of
// three with a K in the middle: the library takes them back (notWhitelist) if the keyword is
// a single word.
const short = `
1&1 1&S 1&V 1B1 1BN 1BS 1BV 1OV 1SV 1U 1U; 1UE 1VS E1) E1V EN) ES) ES1 ESV EV) EVN EVS N&1 N&V
NB1 NBS NBV NU; NUE S&1 S&N S&S S&V S1V SB1 SBN SBS SBV SOS SOV SU; SUE UE1 UES UEV V&1 V&N V&S
V&V VB1 VBN VBS VBV VOS VU VU; VUE`

// set is a set of classes.
type set uint32

const classes = "N1SVO&KFETBU(),;:?."

// bitOf has a bit for each class, whatever its case, and none for what is no class.
var bitOf = numberClasses()

func numberClasses() (of [256]uint8) {
	for i := range of {
		of[i] = uint8(len(classes))
	}
	for i := range len(classes) {
		c := classes[i]
		of[c] = uint8(i)
		if isLetter(c) {
			of[c|0x20] = uint8(i)
		}
	}
	return of
}

// known is the table as far as it is needed: for a first and a second class the third ones, and
// whether there are any; for a class what never stands behind it; and the short ones.
type known struct {
	second   [len(classes) + 1]set
	third    [len(classes) + 1][len(classes) + 1]set
	stranger [len(classes) + 1]set
	short2   [len(classes) + 1]set
	short3   [len(classes) + 1][len(classes) + 1]set
}

var table = readTable(beginnings, strangers, short)

func readTable(beginnings, strangers, short string) *known {
	k := new(known)
	for line := range strings.SplitSeq(strings.TrimSpace(beginnings), "\n") {
		a := bitOf[line[0]]
		for _, f := range strings.Fields(line[1:]) {
			b := bitOf[f[0]]
			k.second[a] |= 1 << b
			k.third[a][b] = setOf(f[2:])
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(strangers), "\n") {
		k.stranger[bitOf[line[0]]] = setOf(line[2:])
	}
	for f := range strings.FieldsSeq(short) {
		a, b := bitOf[f[0]], bitOf[f[1]]
		if len(f) == 2 {
			k.short2[a] |= 1 << b
		} else {
			k.short3[a][b] |= 1 << bitOf[f[2]]
		}
	}
	return k
}

func setOf(classes string) (s set) {
	for i := range len(classes) {
		s |= 1 << bitOf[classes[i]]
	}
	return s
}

// dead reports whether no fingerprint begins with the classes of these tokens.
func dead(tokens []token) bool {
	if len(tokens) == 0 {
		return false
	}
	a := bitOf[tokens[0].class]
	if table.second[a] == 0 {
		return true
	}
	if len(tokens) == 1 {
		return false
	}
	b := bitOf[tokens[1].class]
	if table.second[a]>>b&1 == 0 || len(tokens) > 2 && table.third[a][b]>>bitOf[tokens[2].class]&1 == 0 {
		return true
	}
	if len(tokens) > 3 && tokens[1].class == ';' && tokens[2].class == 'n' && tokens[3].class != ':' {
		return true // a bare word behind a semicolon is a label, and no fingerprint but for that
	}
	for i, t := range tokens[1:] {
		last := tokens[i].class
		if last == 'T' || last == 'U' {
			return false
		}
		if table.stranger[bitOf[last]]>>bitOf[t.class]&1 != 0 {
			return true
		}
	}
	return false
}

// mayBeFingerprint reports whether the classes of these tokens can be a fingerprint.
func mayBeFingerprint(tokens []token) bool {
	switch len(tokens) {
	case 0, 1:
		return false
	case 2:
		return table.short2[bitOf[tokens[0].class]]>>bitOf[tokens[1].class]&1 != 0
	case 3:
		return table.short3[bitOf[tokens[0].class]][bitOf[tokens[1].class]]>>bitOf[tokens[2].class]&1 != 0
	}
	return true
}
