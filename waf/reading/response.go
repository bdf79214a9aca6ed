package reading

import "strings"

// Response is the head of a response as Coraza is given it: AddResponseHeader and
// ProcessResponseHeaders get these fields unchanged, media types in the normal form
// of the parent package included.
type Response struct {
	Status   int
	Protocol string
	Headers  []Header
}

// ResponseHead adds what rules of phase 3 see. It is called at most once, after Head and,
// where there is one, Body. It is always equal to Coraza.
func (v *Values) ResponseHead(r *Response) {
	v.set(ResponseStatus, v.itoa(r.Status))
	v.set(ResponseProtocol, r.Protocol)
	from := len(v.all)
	for i := range r.Headers {
		name := r.Headers[i].Name
		if name == "" {
			continue
		}
		v.add(ResponseHeaders, name, r.Headers[i].Value)
		if EqualKeys(name, "content-type") { // the last one holds (transaction.go, AddResponseHeader)
			mediaType, _, _ := strings.Cut(r.Headers[i].Value, ";")
			v.set(ResponseContentType, mediaType)
		}
	}
	v.mark(ResponseHeaders, from)
	v.names(ResponseHeaders, ResponseHeadersNames)
}

// Answered says with which status a request was answered that no application has answered.
func (v *Values) Answered(status int) { v.set(ResponseStatus, v.itoa(status)) }

// ResponseBody adds what rules of phase 4 see of a body that Coraza would buffer, shorter
// than SecResponseBodyLimit, and hand to no body processor; an empty one too. It is called at
// most once, after ResponseHead.
func (v *Values) ResponseBody(body []byte) {
	v.set(ResponseContentLength, v.itoa(len(body)))
	v.set(ResponseBody, view(body))
}
