package traffic

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/netip"
	"net/url"
	"strings"
)

// harReader reads HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/) as browsers export it: a request is made of
// what an entry says of it, and of its response the status is kept. Bodies of responses, most of such a file, are
// passed over.
type harReader struct {
	*reading
	s *scanner
}

// har reads HAR.
func (f *reading) har(in *bufio.Reader) error {
	h := &harReader{f, newScanner(in)}
	found := false
	err := h.s.object(func(name string) error {
		if name != "log" {
			return h.s.skip()
		}
		return h.s.objectOr(func(name string) error {
			if name != "entries" {
				return h.s.skip()
			}
			c, err := h.s.next()
			if err != nil {
				return err
			}
			found = c == '['
			return h.s.arrayOr(h.entry)
		})
	})
	if err != nil {
		return h.at(err)
	}
	if !found {
		return errors.New("no HAR: there is no list log.entries in it")
	}
	if _, err := h.s.next(); err != errCut { //nolint:errorlint // it is made here, and never wrapped
		if err != nil {
			return err
		}
		return h.problem(h.s.line, "behind the HAR stands something that is not read: give each HAR in a file of its own")
	}
	return nil
}

// at adds the line to an error that has none.
func (h *harReader) at(err error) error {
	if err == errCut { //nolint:errorlint // it is made here, and never wrapped
		return &syntaxError{h.s.line, errCut.Error()}
	}
	return err
}

// harEntry is what is kept of an entry.
type harEntry struct {
	line           int
	method, url    string
	version        string
	fields         []field
	size           int // of fields
	bodySize       int
	mediaType      string
	text, encoding string
	textSize       int
	params         []harParam
	hasText        bool
	file           string // the body is in a file of its own
	status         int
	lost           []string

	// What the tier says of an entry that it has exported.
	verdict, route, failure, client, id string
	phase                               int
}

type harParam struct{ name, value, fileName, contentType string }

// entry reads one entry, and gives its request.
func (h *harReader) entry() error {
	c, err := h.s.next()
	if err != nil {
		return err
	}
	if c != '{' {
		line := h.s.line
		if err := h.s.skip(); err != nil {
			return err
		}
		return h.problem(line, "an entry of log.entries is no object")
	}
	e := &harEntry{line: h.s.line, bodySize: -1}
	err = h.s.object(func(name string) (err error) {
		switch name {
		case "request":
			return h.request(e)
		case "response":
			return h.s.objectOr(func(name string) (err error) {
				if name != "status" {
					return h.s.skip()
				}
				e.status, err = h.s.number()
				return err
			})
		case "_wafer":
			return h.own(e)
		}
		return h.s.skip()
	})
	if err != nil {
		return err
	}
	tooLarge := func() error {
		return h.problem(e.line, "a request of more than %d bytes, or with headers of more than %d", h.MostBytes, mostHead)
	}
	if e.size > mostHead || e.textSize > len(e.text) {
		return tooLarge()
	}
	raw, skip, err := e.raw()
	switch {
	case err != nil:
		return h.problem(e.line, "%s", err)
	case skip:
		return nil
	case len(raw) > h.MostBytes:
		return tooLarge()
	}
	r := &Request{Line: e.line, Name: e.id, Raw: raw, Lost: e.lost}
	if a, err := netip.ParseAddr(e.client); err == nil {
		r.Client = a
	}
	if e.status != 0 || e.verdict != "" {
		r.Recorded = &Recorded{Status: e.status, Verdict: e.verdict, Route: e.route, Error: e.failure, Late: e.phase > 2}
	}
	return h.give(r)
}

func (h *harReader) request(e *harEntry) error {
	s := h.s
	return s.objectOr(func(name string) (err error) {
		switch name {
		case "method":
			e.method, _, err = s.textOr(mostName)
		case "url":
			e.url, _, err = s.textOr(mostHead)
		case "httpVersion":
			e.version, _, err = s.textOr(mostName)
		case "bodySize":
			e.bodySize, err = s.number()
		case "headers":
			err = s.arrayOr(func() error { return h.header(e) })
		case "postData":
			err = h.postData(e)
		default:
			err = s.skip()
		}
		return err
	})
}

func (h *harReader) header(e *harEntry) error {
	var f field
	err := h.s.objectOr(func(name string) (err error) {
		switch name {
		case "name":
			f.name, _, err = h.s.textOr(mostHead)
		case "value":
			f.value, _, err = h.s.textOr(mostHead)
		default:
			err = h.s.skip()
		}
		return err
	})
	if e.size += len(f.name) + len(f.value) + 4; e.size <= mostHead {
		e.fields = append(e.fields, f)
	}
	return err
}

func (h *harReader) postData(e *harEntry) error {
	s, room := h.s, h.MostBytes
	return s.objectOr(func(name string) (err error) {
		switch name {
		case "mimeType":
			e.mediaType, _, err = s.textOr(mostHead)
		case "text":
			e.hasText = true
			e.text, e.textSize, err = s.textOr(room)
		case "encoding", "_encoding":
			e.encoding, _, err = s.textOr(mostName)
		case "_file":
			e.file, _, err = s.textOr(mostName)
		case "params":
			err = s.arrayOr(func() error { return h.param(e, &room) })
		default:
			err = s.skip()
		}
		return err
	})
}

func (h *harReader) param(e *harEntry, room *int) error {
	var p harParam
	err := h.s.objectOr(func(name string) (err error) {
		into := map[string]*string{"name": &p.name, "value": &p.value, "fileName": &p.fileName, "contentType": &p.contentType}[name]
		if into == nil {
			return h.s.skip()
		}
		var size int
		*into, size, err = h.s.textOr(max(*room, 0))
		*room -= size
		return err
	})
	if *room -= 16; *room > 0 {
		e.params = append(e.params, p)
	} else {
		e.textSize = len(e.text) + 1 // too large
	}
	return err
}

// raw writes the request. skip says that it is none that a tier could get.
func (e *harEntry) raw() (raw []byte, skip bool, err error) {
	if e.url == "" {
		return nil, false, errors.New("an entry without request.url")
	}
	scheme, rest, ok := strings.Cut(e.url, "://")
	switch strings.ToLower(scheme) {
	case "http", "https":
	case "ws", "wss":
		e.lost = append(e.lost, "of a WebSocket only the request that opens it is tried")
	default:
		if ok || strings.HasPrefix(e.url, "data:") || strings.HasPrefix(e.url, "blob:") || strings.HasPrefix(e.url, "about:") {
			return nil, true, nil
		}
		return nil, false, fmt.Errorf("request.url %s is no URL such as https://shop.example.com/path", quoted(e.url))
	}
	rest, _, _ = strings.Cut(rest, "#")
	end := len(rest)
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		end = i
	}
	p := parts{method: e.method, host: rest[:end], target: escaped(rest[end:])}
	if i := strings.LastIndexByte(p.host, '@'); i >= 0 {
		p.host = p.host[i+1:]
	}
	if !strings.HasPrefix(p.target, "/") {
		p.target = "/" + p.target
	}
	p.old = strings.EqualFold(e.version, "HTTP/1.0")
	declared := ""
	for _, f := range e.fields {
		switch {
		case strings.EqualFold(f.name, ":authority"):
			p.host = f.value
		case strings.EqualFold(f.name, "Content-Length"):
			declared = strings.TrimSpace(f.value)
		}
		if !strings.HasPrefix(f.name, ":") {
			p.fields = append(p.fields, f)
		}
	}
	if p.body, err = e.body(); err != nil {
		return nil, false, err
	}
	if declared == "" && e.bodySize > 0 {
		declared = fmt.Sprint(e.bodySize)
	}
	if got := fmt.Sprint(len(p.body)); declared != "" && declared != got && len(e.lost) == 0 {
		e.lost = append(e.lost, "the file has "+got+" bytes of the body, and "+declared+" were sent")
	}
	raw, err = p.bytes()
	return raw, false, err
}

// body is the body that an entry tells.
func (e *harEntry) body() ([]byte, error) {
	switch {
	case strings.EqualFold(e.encoding, "base64"):
		body, err := base64.StdEncoding.DecodeString(e.text)
		if err != nil {
			return nil, fmt.Errorf("request.postData.text is not base64, which its encoding says: %w", err)
		}
		return body, nil
	case e.hasText || len(e.params) == 0:
		if e.file != "" && e.text == "" {
			e.lost = append(e.lost, "the body is in a file of its own: "+quoted(e.file))
		}
		return []byte(e.text), nil
	}
	media, with, err := mime.ParseMediaType(e.mediaType)
	if err == nil && media == "multipart/form-data" && with["boundary"] != "" {
		e.lost = append(e.lost, "the body is written anew from its parts")
		return multipart(with["boundary"], e.params), nil
	}
	var pairs []string
	for _, p := range e.params {
		pairs = append(pairs, reEscaped(p.name)+"="+reEscaped(p.value))
	}
	return []byte(strings.Join(pairs, "&")), nil
}

// reEscaped escapes a field of a form. Some write them as they are in the body, escaped already.
func reEscaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil && plain != s {
		return s
	}
	return url.QueryEscape(s)
}

func multipart(boundary string, params []harParam) []byte {
	var b strings.Builder
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "%0D", "\n", "%0A")
	line := strings.NewReplacer("\r", " ", "\n", " ")
	for _, p := range params {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"", boundary, quote.Replace(p.name))
		if p.fileName != "" {
			fmt.Fprintf(&b, "; filename=\"%s\"", quote.Replace(p.fileName))
		}
		if p.contentType != "" {
			fmt.Fprintf(&b, "\r\nContent-Type: %s", line.Replace(p.contentType))
		}
		fmt.Fprintf(&b, "\r\n\r\n%s\r\n", p.value)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return []byte(b.String())
}

// escaped escapes what cannot stand in a request line, as browsers do.
func escaped(target string) string {
	var b strings.Builder
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// mostLost bounds what is told of one request.
const mostLost = 20

// own reads what the tier says of an entry that it has exported.
func (h *harReader) own(e *harEntry) error {
	return h.s.objectOr(func(name string) (err error) {
		switch name {
		case "verdict":
			e.verdict, _, err = h.s.textOr(mostName)
		case "route":
			e.route, _, err = h.s.textOr(mostName)
		case "request_id":
			e.id, _, err = h.s.textOr(mostName)
		case "client":
			e.client, _, err = h.s.textOr(mostName)
		case "error":
			e.failure, _, err = h.s.textOr(mostName)
		case "phase":
			e.phase, err = h.s.number()
		case "differs":
			err = h.s.arrayOr(func() error {
				what, _, err := h.s.textOr(mostName)
				if len(e.lost) < mostLost {
					e.lost = append(e.lost, what)
				}
				return err
			})
		default:
			err = h.s.skip()
		}
		return err
	})
}
