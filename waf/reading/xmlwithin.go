package reading

import "strings"

// xmlWithin adds the texts and the attributes of a value that is an XML document itself, as further values of
// its kind: the application is likely to parse it, and an attack can be written in its references. One with
// a document type is an attack to the rules anyway.
func (v *Values) xmlWithin(k Kind, key, text string) {
	text = strings.TrimRight(text, " \t\r\n")
	if len(text) < len("<a/>") || text[0] != '<' || text[len(text)-1] != '>' {
		return
	}
	begin := 0
	if strings.HasPrefix(text, "<?xml") { // whose encoding says nothing of a text that has been decoded
		begin = strings.Index(text, "?>") + len("?>")
	}
	mark, cut := len(v.found), v.cut
	v.cut, v.inner = false, true
	ok, _ := v.xmlRead(text, begin)
	v.cut, v.inner = cut, false
	all := v.found[mark:]
	v.found = v.found[:mark]
	if !ok {
		return
	}
	for _, x := range all {
		if x.Key == xmlTexts && x.Text != text {
			v.putString(k, key, x.Text)
		}
	}
}

// mayHold keeps a text of a document that may be another document.
func (w *xmlReader) mayHold(text string) {
	if text != "" && text[0] == '<' && !w.v.inner {
		w.v.documents = append(w.v.documents, text)
	}
}

// withinXML adds what the texts of a document say that are JSON or XML themselves.
func (v *Values) withinXML() {
	for i, end := 0, len(v.found); i < end; i++ {
		if x := v.found[i]; x.Kind == RequestXML && x.Key == xmlTexts {
			v.embedded(ArgsPost, "xml", x.Text)
		}
	}
	for _, text := range v.documents {
		v.xmlWithin(RequestXML, xmlTexts, text)
	}
	clear(v.documents)
	v.documents = v.documents[:0]
}
