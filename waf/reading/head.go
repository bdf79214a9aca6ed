package reading

import "github.com/wafer-waf/wafer/message"

// Header is one field line, as received.
type Header = message.Field

// Request is the head of a request as Coraza is given it: ProcessConnection,
// SetServerName, ProcessURI and AddRequestHeader get these fields unchanged.
type Request struct {
	Method, Target, Protocol string
	Host                     string // without port
	Headers                  []Header
	ClientAddr, ServerAddr   string
	ClientPort, ServerPort   int
	ID                       string // UNIQUE_ID; not empty, since Coraza would make one up
}

// Coraza's limit for the arguments of the query, and again for those of the body
// (SecArgumentsLimit).
const argumentsLimit = 1000

// blank are the values of single kinds in a transaction that has only begun (waf.go,
// newTransaction).
var blank = func() (b [singles]Value) {
	for k := range b {
		b[k].Kind = Kind(k)
	}
	for _, k := range []Kind{
		ArgsCombinedSize, ArgumentsLimitReached, FilesCombinedSize, FullRequestLength,
		MultipartDataAfter, MultipartDuplicatePartHeader, MultipartInvalidQuoting,
		OutboundDataError, ReqbodyError, ReqbodyProcessorError, RequestBodyLength,
		URIParseError, UrlencodedError,
	} {
		b[k].Text = "0"
	}
	return b
}()

// Head begins a transaction with the head of a request: afterwards v holds what rules of
// phase 1 see, as long as none of them changes REQBODY_PROCESSOR.
func (v *Values) Head(r *Request) {
	v.Reset()
	v.all = append(v.all, blank[:]...)
	v.set(UniqueID, r.ID)
	v.set(RemoteAddr, r.ClientAddr)
	v.set(RemotePort, v.itoa(r.ClientPort))
	v.set(ServerAddr, r.ServerAddr)
	v.set(ServerPort, v.itoa(r.ServerPort))
	v.set(ServerName, r.Host)
	v.set(RequestMethod, r.Method)
	v.set(RequestProtocol, r.Protocol)
	v.requestLine(r)
	v.target(r.Target)
	v.sizeArgs(ArgsGet)
	v.headers(r.Headers)
}

func (v *Values) requestLine(r *Request) {
	v.arena.room(len(r.Method) + len(r.Target) + len(r.Protocol) + 2)
	from := len(v.arena.buf)
	for i, word := range [...]string{r.Method, r.Target, r.Protocol} {
		if i > 0 {
			v.arena.buf = append(v.arena.buf, ' ')
		}
		v.arena.buf = append(v.arena.buf, word...)
	}
	v.set(RequestLine, v.arena.since(from))
}

// headers adds the header fields and the cookies in them, and chooses the body processor by
// the first media type (transaction.go, AddRequestHeader).
func (v *Values) headers(fields []Header) {
	from, typed, cookies := len(v.all), false, false
	for i := range fields {
		name := fields[i].Name
		if name == "" {
			continue
		}
		v.add(RequestHeaders, name, fields[i].Value)
		switch {
		case EqualKeys(name, "cookie"):
			cookies = true
		case !typed && EqualKeys(name, "content-type"):
			typed = true
			v.set(ReqbodyProcessor, processor(fields[i].Value))
		}
	}
	v.mark(RequestHeaders, from)
	v.names(RequestHeaders, RequestHeadersNames)

	from = len(v.all)
	v.jar = 0
	if cookies && !v.cookies(v.cookieField(fields)) {
		v.limit()
	}
	v.mark(RequestCookies, from)
	v.names(RequestCookies, RequestCookiesNames)
}
