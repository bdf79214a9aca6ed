package http1

import (
	"bufio"
	"bytes"
	"strconv"
	"sync"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/message"
)

// headReader is what a head goes through into fasthttp's, which has its own idea of fields that are set
// one by one (a Date, for one, cannot be), and none of those that it has parsed.
type headReader struct {
	raw []byte
	src bytes.Reader
	br  *bufio.Reader
}

var headReaders = sync.Pool{New: func() any { return &headReader{br: bufio.NewReader(nil)} }}

func setHead(h *fasthttp.ResponseHeader, r *message.Response, more ...string) {
	via := headReaders.Get().(*headReader)
	defer headReaders.Put(via)
	via.raw = appendHead(via.raw[:0], r, more...)
	via.src.Reset(via.raw)
	br := via.br
	if br.Reset(&via.src); len(via.raw) > br.Size() {
		br = bufio.NewReaderSize(&via.src, len(via.raw))
	}
	h.DisableNormalizing() // names keep their case
	h.SetNoDefaultContentType(true)
	if err := h.Read(br); err != nil {
		panic("BUG: a response that fasthttp does not understand: " + err.Error())
	}
	h.ResetConnectionClose() // a head without a length says nothing about the connection
}

// appendHead appends the head of a response as HTTP/1.1 writes it, and more lines of it.
func appendHead(b []byte, r *message.Response, more ...string) []byte {
	reason := r.Reason
	if reason == "" {
		reason = fasthttp.StatusMessage(r.Status)
	}
	b = append(strconv.AppendInt(append(b, "HTTP/1.1 "...), int64(r.Status), 10), ' ')
	b = append(append(b, reason...), "\r\n"...)
	for i := range r.Fields {
		f := &r.Fields[i]
		b = append(append(append(append(b, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	for _, line := range more {
		if line != "" {
			b = append(append(b, line...), "\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}
