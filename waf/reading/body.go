package reading

// Body adds what a body processor finds in a request's body: afterwards v holds what rules of
// phase 2 see. It is called once, after Head; body is empty if there is none, or if Coraza
// does not get it (SecRequestBodyAccess Off).
//
// processor is REQBODY_PROCESSOR after phase 1, when rules may have changed it; for a body
// that is not empty, URLENCODED in place of none if a rule has forced REQUEST_BODY; with ""
// nothing looks at the body. contentType is the first field of that name.
//
// That the processor JSON also sets TX:json_request_body is not modeled.
//
// If ok is false, what Coraza would see is not known, why says for what reason, and only
// Head or Reset may follow.
func (v *Values) Body(processor, contentType string, body []byte) (ok bool, why string) {
	v.set(ReqbodyProcessor, processor)
	if len(body) == 0 {
		return true, ""
	}
	text := view(body)
	switch processor {
	case "":
		return true, ""
	case "URLENCODED":
		ok, why = v.urlencoded(text)
	case "JSON":
		ok, why = v.jsonText(text)
	case "MULTIPART":
		ok, why = v.multipart(contentType, text)
	case "XML":
		ok, why = v.xmlDocument(text)
	case "RAW":
		v.raw(text)
		ok = true
	default:
		return false, "body processor that is not modeled"
	}
	if !ok {
		return false, why
	}
	v.names(ArgsPost, ArgsPostNames)
	v.sizeArgs(ArgsPost)
	return true, ""
}
