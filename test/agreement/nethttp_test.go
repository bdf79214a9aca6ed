package agreement

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

// report collects what an origin that is written in Go reads.
type report struct{ entries [][3]any }

func (r *report) add(where, name, value string) {
	r.entries = append(r.entries, [3]any{where, []byte(name), []byte(value)})
}

// goOrigin reports what net/http and the decoders beside it read.
func goOrigin(w http.ResponseWriter, req *http.Request) {
	var r report
	body, err := requestBody(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for _, c := range req.Cookies() {
		r.add("cookie", c.Name, c.Value)
	}
	for name, values := range req.URL.Query() {
		for _, v := range values {
			r.add("query", name, v)
		}
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	_ = req.ParseMultipartForm(32 << 20) // what it has read before an error counts
	for name, values := range req.PostForm {
		for _, v := range values {
			r.add("form", name, v)
		}
	}
	if req.MultipartForm != nil {
		for name, files := range req.MultipartForm.File {
			for _, f := range files {
				r.file(name, f)
			}
		}
	}
	r.parts(req.Header.Get("Content-Type"), body)
	r.json(body)
	r.xml(body)
	_ = json.NewEncoder(w).Encode(r.entries) // nobody is left to tell
}

// requestBody reads a body and undoes its coding, which net/http leaves to the application.
func requestBody(req *http.Request) ([]byte, error) {
	in := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = z
	}
	return io.ReadAll(in)
}

func (r *report) file(name string, f *multipart.FileHeader) {
	r.add("filename", name, f.Filename)
	in, err := f.Open()
	if err != nil {
		return
	}
	defer in.Close()
	text, _ := io.ReadAll(in) // as far as it goes
	r.add("content", name, string(text))
}

// parts reads a multipart body part by part, and goes on where ParseMultipartForm gives up.
func (r *report) parts(contentType string, body []byte) {
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(mediaType, "multipart/") {
		return
	}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		p, err := parts.NextPart()
		if err != nil {
			return
		}
		text, _ := io.ReadAll(p) // as far as it goes
		if name := p.FileName(); name != "" {
			r.add("filename", p.FormName(), name)
			r.add("content", p.FormName(), string(text))
		} else {
			r.add("form", p.FormName(), string(text))
		}
	}
}

// json reads a body as JSON, token by token, so that no member hides another. What comes
// before an error is dropped, as Unmarshal does.
func (r *report) json(body []byte) {
	if !json.Valid(body) {
		return
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	for {
		t, err := d.Token()
		if err != nil {
			return
		}
		switch t := t.(type) {
		case json.Delim, nil:
		default:
			r.add("json", "", fmt.Sprint(t))
		}
	}
}

// xml reads a body as XML, as Unmarshal does: up to the end of the root element, and nothing if
// there is an error before it. The text of an element is joined across comments and children.
func (r *report) xml(body []byte) {
	d := xml.NewDecoder(bytes.NewReader(body))
	var found report
	var texts []string // of the elements that are open
	for {
		t, err := d.Token()
		if err != nil {
			return
		}
		switch t := t.(type) {
		case xml.StartElement:
			for _, a := range t.Attr {
				found.add("xml", a.Name.Local, a.Value)
			}
			texts = append(texts, "")
		case xml.CharData:
			if len(texts) > 0 {
				texts[len(texts)-1] += string(t)
			}
		case xml.EndElement:
			found.add("xml", t.Name.Local, texts[len(texts)-1])
			texts = texts[:len(texts)-1]
			if len(texts) == 0 {
				r.entries = append(r.entries, found.entries...)
				return
			}
		}
	}
}
