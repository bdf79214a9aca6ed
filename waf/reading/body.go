package reading

// Body adds what a request's body says: afterwards v holds what rules of phase 2 see. It is called
// once, after Head; body is empty if there is none, or if the policy inspects none.
//
// processor is REQBODY_PROCESSOR after phase 1, where rules may have changed it. whole is false if
// body is only the beginning of one: what breaks off at its end is no error then. contentType is the
// first field of that name.
//
// A body that cannot be read sets REQBODY_ERROR and its message, and has the values that were found
// until then.
func (v *Values) Body(processor, contentType string, body []byte, whole bool) {
	v.set(ReqbodyProcessor, processor)
	if len(body) == 0 {
		return
	}
	v.cut = !whole
	text := view(body)
	ok, why := true, ""
	switch processor {
	case "URLENCODED":
		ok, why = v.urlencoded(text)
	case "JSON":
		ok, why = v.jsonText(text)
	case "MULTIPART":
		ok, why = v.multipart(contentType, text)
	case "XML":
		ok, why = v.xmlDocument(text)
	default:
		v.other(contentType, text)
	}
	if !ok {
		v.fail(why)
	}
	v.settle()
	v.names(ArgsPost, ArgsPostNames)
	v.sizeArgs(ArgsPost)
}

// fail says that the body cannot be read, and why, in words for whoever sends or operates. The first
// reason stays.
func (v *Values) fail(why string) {
	if v.Text(ReqbodyError) == "1" {
		return
	}
	v.set(ReqbodyError, "1")
	v.set(ReqbodyErrorMsg, why)
	v.set(ReqbodyProcessorError, "1")
	v.set(ReqbodyProcessorErrorMsg, why)
}

// put adds a value that the body has, of any kind with keys.
func (v *Values) put(k Kind, key, text string) {
	v.found = append(v.found, Value{k, key, text})
}

// settle sorts what was put by kind: each kind's values stay in the order of the document.
func (v *Values) settle() {
	var count [Kinds]int
	for i := range v.found {
		count[v.found[i].Kind]++
	}
	at := len(v.all)
	v.all = append(v.all, v.found...) // for the room; what stands there is overwritten
	var next [Kinds]int
	for k := singles; k < Kinds; k++ {
		if count[k] > 0 {
			v.spans[k] = span{at, at + count[k]}
			next[k] = at
			at += count[k]
		}
	}
	for i := range v.found {
		k := v.found[i].Kind
		v.all[next[k]] = v.found[i]
		next[k]++
	}
	clear(v.found)
	v.found = v.found[:0]
}

// other reads a body whose type names no processor.
func (v *Values) other(_, text string) {
	v.set(ReqbodyProcessor, "RAW")
	v.raw(text)
}
