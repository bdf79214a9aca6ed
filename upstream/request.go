package upstream

import (
	"bufio"
	"io"
	"strconv"

	"github.com/valyala/fasthttp"
)

// Sizes of a request body that are not a number of bytes, as fasthttp has them.
const (
	sizeChunked = -1
	sizeNone    = -2
)

// framed returns the size that the head of out announces. The caller promises that it is
// that of the body: anything else would let the endpoint see another request in it.
func framed(out *fasthttp.Request) int {
	size := out.Header.ContentLength()
	if out.IsBodyStream() {
		if size == sizeNone {
			panic("BUG: request body stream without framing")
		}
	} else if size == sizeChunked || max(size, 0) != len(out.Body()) {
		panic("BUG: request body does not match its framing")
	}
	return size
}

// send writes out. At most one of the errors is set: client if reading the body stream
// failed, wire if writing did.
func send(bw *bufio.Writer, out *fasthttp.Request, size int) (client, wire error) {
	if err := out.Header.Write(bw); err != nil { // as built: nothing is parsed again
		return nil, err
	}
	if !out.IsBodyStream() {
		if b := out.Body(); len(b) > 0 {
			if _, err := bw.Write(b); err != nil {
				return nil, err
			}
		}
		return nil, bw.Flush()
	}
	// The head goes first: the endpoint may refuse it, and the client may be slow.
	if err := bw.Flush(); err != nil {
		return nil, err
	}
	if size == sizeChunked {
		return sendChunked(bw, out.BodyStream())
	}
	return sendFixed(bw, out.BodyStream(), size)
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
