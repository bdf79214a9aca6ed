package agreement

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// Record types and flags of FastCGI 1.0.
const (
	fcgiBegin     = 1
	fcgiEnd       = 3
	fcgiParams    = 4
	fcgiStdin     = 5
	fcgiStdout    = 6
	fcgiResponder = 1
	fcgiKeep      = 1 // the connection is used again
)

// fastCGI is a client of a FastCGI server. It belongs to one goroutine.
type fastCGI struct {
	path string // of the socket
	conn net.Conn
	br   *bufio.Reader
}

// do has a script called and returns what it writes, header fields first. PHP closes a
// connection on which nothing comes for some seconds, so a failure may be that.
func (f *fastCGI) do(params [][2]string, stdin []byte) ([]byte, error) {
	fresh := f.conn == nil
	out, err := f.try(params, stdin)
	if err != nil && !fresh {
		out, err = f.try(params, stdin)
	}
	return out, err
}

func (f *fastCGI) try(params [][2]string, stdin []byte) (answer []byte, err error) {
	if f.conn == nil {
		if f.conn, err = net.Dial("unix", f.path); err != nil {
			return nil, err
		}
		f.br = bufio.NewReader(f.conn)
	}
	defer func() {
		if err != nil {
			_ = f.conn.Close() // it has failed already
			f.conn = nil
		}
	}()
	var out bytes.Buffer
	record(&out, fcgiBegin, []byte{0, fcgiResponder, fcgiKeep, 0, 0, 0, 0, 0})
	var p []byte
	for _, pair := range params {
		for _, s := range pair {
			p = binary.BigEndian.AppendUint32(p, uint32(len(s))|1<<31)
		}
		p = append(append(p, pair[0]...), pair[1]...)
	}
	stream(&out, fcgiParams, p)
	stream(&out, fcgiStdin, stdin)
	if _, err := f.conn.Write(out.Bytes()); err != nil {
		return nil, err
	}
	return f.stdout()
}

func (f *fastCGI) close() {
	if f.conn != nil {
		_ = f.conn.Close() // the server may have closed it
	}
}

func (f *fastCGI) stdout() ([]byte, error) {
	var stdout []byte
	for {
		var head [8]byte
		if _, err := io.ReadFull(f.br, head[:]); err != nil {
			return nil, fmt.Errorf("FastCGI: %w", err)
		}
		text := make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
		if _, err := io.ReadFull(f.br, text); err != nil {
			return nil, fmt.Errorf("FastCGI: %w", err)
		}
		switch head[1] {
		case fcgiStdout:
			stdout = append(stdout, text[:len(text)-int(head[6])]...)
		case fcgiEnd:
			return stdout, nil
		}
	}
}

// stream writes a stream in records, the last of them empty.
func stream(out *bytes.Buffer, kind byte, text []byte) {
	for len(text) > 0 {
		n := min(len(text), 1<<15)
		record(out, kind, text[:n])
		text = text[n:]
	}
	record(out, kind, nil)
}

func record(out *bytes.Buffer, kind byte, text []byte) {
	out.Write([]byte{1, kind, 0, 1, byte(len(text) >> 8), byte(len(text)), 0, 0})
	out.Write(text)
}
