package transform

import "strings"

// The names of the transformations that Coraza does not know: whoever runs rules that use them registers
// them there. [Own] lists them.
const (
	WithoutJSON    = "withoutjson"
	WithoutGraphQL = "withoutgraphql"
	WithoutMacros  = "withoutmacros"
	WithoutPicture = "withoutpicture"
)

// Own returns the transformations that Coraza does not know.
func Own() []*Transformation {
	return []*Transformation{byName[WithoutJSON], byName[WithoutGraphQL], byName[WithoutMacros], byName[WithoutPicture]}
}

// Transformation is one of Coraza's transformations, or our own.
type Transformation struct {
	name string

	// touches is empty, with always set, if no set of bytes decides.
	touches ByteSet
	always  bool

	apply func(s string, b *Buffer) (out string, changed bool)
}

// Lookup returns the transformation that Coraza registers under the name, whose case does not
// matter. "none" is there too, as the identity: Coraza's reader of SecLang treats exactly "t:none"
// as "forget those before", but "t:None" as a transformation.
func Lookup(name string) (*Transformation, bool) {
	t, ok := byName[strings.ToLower(name)]
	return t, ok
}

// Name returns the lower-case name. Spellings of the same transformation have one name.
func (t *Transformation) Name() string { return t.name }

// Touches returns the bytes of which a value must hold at least one to be changed or reported as
// changed. For values with none of them Apply returns the value and false. The opposite does not
// hold. If there is no such set, ok is false.
func (t *Transformation) Touches() (set ByteSet, ok bool) { return t.touches, !t.always }

// Apply transforms s. It returns s itself if the result equals s, and otherwise a part of s or
// bytes in buf, which live until buf is reset.
//
// changed is what Coraza's transformation reports, which decides what a multiMatch rule tests and
// is not always whether out differs from s: some report any attempt, and some miss the replacement
// of invalid UTF-8. Where Coraza's reports an error, its engine goes on with the value as it was,
// so s and false stand for that.
//
// The cost is linear in the length of s.
func (t *Transformation) Apply(s string, buf *Buffer) (out string, changed bool) {
	out, changed = t.apply(s, buf)
	if out == s {
		out = s
	}
	return out, changed
}

// byName has all names that Coraza v3.8.1 registers (internal/transformations/transformations.go), and ours.
var byName = named()

func named() map[string]*Transformation {
	backslash := BytesOf(`\\`)
	ascii := bytesFrom(0, 0x7F)
	m := map[string]*Transformation{}
	add := func(name string, touches ByteSet, apply func(string, *Buffer) (string, bool)) {
		m[name] = &Transformation{name: name, touches: touches, apply: apply}
	}
	always := func(name string, apply func(string, *Buffer) (string, bool)) {
		m[name] = &Transformation{name: name, always: true, apply: apply}
	}

	always("base64decode", base64Decode)
	always("base64decodeext", base64DecodeExt)
	always("base64encode", base64Encode)
	add("cmdline", cmdLineTouches, cmdLine)
	add("compresswhitespace", compressTouches, compressWhitespace)
	add("cssdecode", backslash, cssDecode)
	add("escapeseqdecode", backslash, escapeSeqDecode)
	always("hexdecode", hexDecode)
	always("hexencode", hexEncode)
	add("htmlentitydecode", BytesOf("&"), htmlEntityDecode)
	add("jsdecode", backslash, jsDecode)
	always("length", length)
	add("lowercase", bytesFrom('A', 'Z').Union(ascii.complement()), lowercase)
	always("md5", md5Digest)
	add("none", ByteSet{}, func(s string, _ *Buffer) (string, bool) { return s, false })
	add("normalizepath", BytesOf("./"), normalizePath)
	add("normalizepathwin", BytesOf(`./\: `), normalizePathWin)
	add("removecomments", commentTouches, removeComments)
	add("removecommentschar", commentTouches, removeCommentsChar)
	add("removenulls", BytesOf("\x00"), removeNulls)
	add("removewhitespace", BytesOf(asciiSpaces).Union(ascii.complement()), removeWhitespace)
	add("replacecomments", BytesOf("*"), replaceComments)
	add("replacenulls", BytesOf("\x00"), replaceNulls)
	always("sha1", sha1Digest)
	add("trim", BytesOf(asciiSpaces), trim)
	add("trimleft", BytesOf(asciiSpaces), trimLeft)
	add("trimright", BytesOf(asciiSpaces), trimRight)
	add("uppercase", bytesFrom('a', 'z').Union(ascii.complement()), uppercase)
	add("urldecode", BytesOf("%+"), urlDecode)
	add("urldecodeuni", BytesOf("%+"), urlDecodeUni)
	add("urlencode", urlEncodeTouches, urlEncode)
	add("utf8tounicode", ascii.complement(), utf8ToUnicode)

	add(WithoutJSON, BytesOf("[{"), withoutJSON)
	add(WithoutGraphQL, BytesOf("{"), withoutGraphQL)
	add(WithoutMacros, BytesOf("$"), withoutMacros)
	add(WithoutPicture, BytesOf(","), withoutPicture)

	m["normalisepath"] = m["normalizepath"]
	m["normalisepathwin"] = m["normalizepathwin"]
	return m
}
