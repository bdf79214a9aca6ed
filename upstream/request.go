package upstream

import (
	"bufio"
	"io"
	"strconv"

	"github.com/wafer-waf/wafer/message"
)

// unframed panics if out says itself how long its body is: anything else than what is sent would let the
// endpoint see another request in it.
func unframed(out *message.Request) {
	for i := range out.Fields {
		if f := &out.Fields[i]; f.Is("Content-Length") || f.Is("Transfer-Encoding") {
			panic("BUG: a request that brings its own framing")
		}
	}
}

// send writes out. At most one of the errors is set: client if reading the body stream
// failed, wire if writing did.
func send(bw *bufio.Writer, out *message.Request) (client, wire error) {
	if _, err := bw.Write(appendHead(bw.AvailableBuffer(), out)); err != nil {
		return nil, err
	}
	b := &out.Body
	if b.Stream == nil {
		if len(b.Bytes) > 0 {
			if _, err := bw.Write(b.Bytes); err != nil {
				return nil, err
			}
		}
		return nil, bw.Flush()
	}
	// The head goes first: the endpoint may refuse it, and the client may be slow.
	if err := bw.Flush(); err != nil {
		return nil, err
	}
	if b.Length < 0 {
		return sendChunked(bw, b.Stream)
	}
	return sendFixed(bw, b.Stream, b.Length)
}

// appendHead appends the head of a request: the fields as they are, in their order, and behind them
// the one of its framing.
func appendHead(b []byte, out *message.Request) []byte {
	b = append(append(append(append(b, out.Method...), ' '), out.Target...), " HTTP/1.1\r\n"...)
	for i := range out.Fields {
		f := &out.Fields[i]
		b = append(append(append(append(b, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	switch body := &out.Body; {
	case body.Stream != nil && body.Length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case body.Stream != nil:
		b = appendLength(b, body.Length)
	case body.Bytes != nil:
		b = appendLength(b, len(body.Bytes))
	}
	return append(b, "\r\n"...)
}

func appendLength(b []byte, n int) []byte {
	return append(strconv.AppendInt(append(b, "Content-Length: "...), int64(n), 10), "\r\n"...)
}

// sendFixed copies exactly n bytes, through the writer's own buffer.
func sendFixed(bw *bufio.Writer, body io.Reader, n int) (client, wire error) {
	for n > 0 {
		buf := bw.AvailableBuffer()
		m, err := body.Read(buf[:min(cap(buf), n)])
		n -= m
		if m > 0 {
			if _, err := bw.Write(buf[:m]); err != nil {
				return nil, err
			}
			if err := bw.Flush(); err != nil {
				return nil, err
			}
		}
		if err != nil && n > 0 {
			return noEOF(err), nil
		}
	}
	return nil, nil
}

// chunkOverhead is the room for a chunk's size line and its CRLF; a chunk is smaller than
// bufferBytes, so four hexadecimal digits do.
const chunkOverhead = 4 + 2 + 2

// sendChunked copies body, one chunk per read.
func sendChunked(bw *bufio.Writer, body io.Reader) (client, wire error) {
	var line [chunkOverhead]byte
	for {
		buf := bw.AvailableBuffer()
		buf = buf[chunkOverhead-2 : cap(buf)-2]
		n, err := body.Read(buf)
		if n > 0 {
			size := append(strconv.AppendUint(line[:0], uint64(n), 16), '\r', '\n')
			// Overwrites what is in front of buf, then moves buf down to it.
			if _, err := bw.Write(size); err != nil {
				return nil, err
			}
			if _, err := bw.Write(buf[:n]); err != nil {
				return nil, err
			}
			if _, err := bw.WriteString("\r\n"); err != nil {
				return nil, err
			}
		}
		if err == io.EOF {
			if _, err := bw.WriteString("0\r\n\r\n"); err != nil {
				return nil, err
			}
			return nil, bw.Flush()
		}
		if err != nil {
			return err, nil
		}
		if err := bw.Flush(); err != nil {
			return nil, err
		}
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
