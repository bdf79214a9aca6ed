package transform

import "github.com/wafer-waf/wafer/waf/screen/byteset"

// byName has all names that Coraza v3.8.1 registers
// (internal/transformations/transformations.go), and ours.
var byName = named()

func named() map[string]*Transformation {
	m := map[string]*Transformation{}
	add := func(name string, apply func(string, *Buffer) (string, bool), p properties) {
		m[name] = &Transformation{name: name, apply: apply, properties: p}
	}
	addCoraza(add)
	addOwn(add)
	m["normalisepath"] = m["normalizepath"]
	m["normalisepathwin"] = m["normalizepathwin"]
	return m
}

// addCoraza adds Coraza's transformations. Who adds one, or changes what one does, states its
// properties here; TestProperties says which of them do not hold, and which hold and are
// missing.
func addCoraza(add func(name string, apply func(string, *Buffer) (string, bool), p properties)) {
	backslash := byteset.Of(`\\`)
	spaces := byteset.Of(asciiSpaces)
	add("base64decode", base64Decode, properties{always: true, weight: 9})
	add("base64decodeext", base64DecodeExt, properties{always: true})
	add("base64encode", base64Encode, properties{always: true})
	add("cmdline", cmdLine, properties{touches: cmdLineTouches, folds: true, caseBlind: true, cuts: true, weight: 8})
	add("compresswhitespace", compressWhitespace, properties{touches: compressTouches, caseBlind: true, cuts: true, weight: 6})
	add("cssdecode", cssDecode, properties{touches: backslash})
	add("escapeseqdecode", escapeSeqDecode, properties{touches: backslash})
	add("hexdecode", hexDecode, properties{always: true})
	add("hexencode", hexEncode, properties{always: true})
	add("htmlentitydecode", htmlEntityDecode, properties{touches: byteset.Of("&"), weight: 5})
	add("jsdecode", jsDecode, properties{touches: backslash})
	add("length", length, properties{always: true, caseBlind: true})
	add("lowercase", lowercase, properties{
		touches: byteset.Letters | byteset.High, folds: true, caseBlind: true,
		cuts: true, cutsUnless: byteset.High, // some letters beyond ASCII have one of ASCII for their lower case
	})
	add("md5", md5Digest, properties{always: true})
	add("none", func(s string, _ *Buffer) (string, bool) { return s, false }, properties{caseBlind: true, cuts: true})
	add("normalizepath", normalizePath, properties{touches: byteset.Of("./"), caseBlind: true, cuts: true, weight: 3})
	add("normalizepathwin", normalizePathWin, properties{touches: byteset.Of(`./\: `), caseBlind: true, cuts: true, weight: 4})
	add("removecomments", removeComments, properties{touches: commentTouches, caseBlind: true})
	add("removecommentschar", removeCommentsChar, properties{touches: commentTouches, caseBlind: true, cuts: true, weight: 2})
	add("removenulls", removeNulls, properties{touches: byteset.Of("\x00"), caseBlind: true, cuts: true})
	add("removewhitespace", removeWhitespace, properties{touches: spaces | byteset.High, caseBlind: true, cuts: true, weight: 7})
	add("replacecomments", replaceComments, properties{touches: byteset.Of("*"), caseBlind: true, cuts: true, weight: 1})
	add("replacenulls", replaceNulls, properties{touches: byteset.Of("\x00"), caseBlind: true, cuts: true})
	add("sha1", sha1Digest, properties{always: true})
	add("trim", trim, properties{touches: spaces, caseBlind: true, cuts: true})
	add("trimleft", trimLeft, properties{touches: spaces, caseBlind: true, cuts: true})
	add("trimright", trimRight, properties{touches: spaces, caseBlind: true, cuts: true})
	add("uppercase", uppercase, properties{touches: byteset.Letters | byteset.High})
	add("urldecode", urlDecode, properties{touches: byteset.Of("%+")})
	add("urldecodeuni", urlDecodeUni, properties{touches: byteset.Of("%+")})
	add("urlencode", urlEncode, properties{touches: urlEncodeTouches, caseBlind: true})
	add("utf8tounicode", utf8ToUnicode, properties{touches: byteset.High, caseBlind: true})
}

func addOwn(add func(name string, apply func(string, *Buffer) (string, bool), p properties)) {
	add(WithoutJSON, withoutJSON, properties{touches: byteset.Of("[{")})
	add(WithoutGraphQL, withoutGraphQL, properties{touches: byteset.Of("{")})
	add(WithoutMacros, withoutMacros, properties{touches: byteset.Of("$"), caseBlind: true, cuts: true})
	add(WithoutPicture, withoutPicture, properties{touches: byteset.Of(","), cuts: true})
}
