package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// field is a field line, its value without white space around it.
type field struct{ name, value string }

// message is a request as the backend reads it.
type message struct {
	raw            string // every byte of it
	method, target string
	fields         []field
	body           string
	err            error // why it is no whole request; nil if it is
	conn           int   // number of the backend's connection
}

// get returns the values of a field.
func (m *message) get(name string) (values []string) {
	for _, f := range m.fields {
		if strings.EqualFold(f.name, name) {
			values = append(values, f.value)
		}
	}
	return values
}

const tokens = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func isToken(s string) bool { return s != "" && strings.Trim(s, tokens) == "" }

func isText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// parser reads requests with no tolerance at all, and shares no code with the tier. It
// keeps what it reads.
type parser struct {
	br  *bufio.Reader
	raw strings.Builder
}

// next reads one request. Its error is io.EOF only if there was no byte of another one.
func (p *parser) next() message {
	p.raw.Reset()
	var m message
	m.err = p.read(&m)
	m.raw = p.raw.String()
	if errors.Is(m.err, io.EOF) && m.raw != "" {
		m.err = io.ErrUnexpectedEOF
	}
	return m
}

func (p *parser) line() (string, error) {
	s, err := p.br.ReadString('\n')
	p.raw.WriteString(s)
	if err != nil {
		return "", err
	}
	s, ok := strings.CutSuffix(s, "\r\n")
	if !ok || !isText(s) {
		return "", fmt.Errorf("bad line %q", s)
	}
	return s, nil
}

func (p *parser) bytes(n int) (string, error) {
	b := make([]byte, n)
	n, err := io.ReadFull(p.br, b)
	p.raw.Write(b[:n])
	return string(b[:n]), err
}

func (p *parser) read(m *message) error {
	l, err := p.line()
	if err != nil {
		return err
	}
	words := strings.Split(l, " ")
	if len(words) != 3 || !isToken(words[0]) || words[1] == "" || words[2] != "HTTP/1.1" {
		return fmt.Errorf("request line %q", l)
	}
	m.method, m.target = words[0], words[1]
	for {
		l, err := p.line()
		if err != nil {
			return err
		}
		if l == "" {
			break
		}
		name, value, ok := strings.Cut(l, ":")
		if !ok || !isToken(name) {
			return fmt.Errorf("field line %q", l)
		}
		m.fields = append(m.fields, field{name, strings.Trim(value, " \t")})
	}
	hosts, lengths, codings := m.get("Host"), m.get("Content-Length"), m.get("Transfer-Encoding")
	switch {
	case len(hosts) != 1:
		return fmt.Errorf("Host %q", hosts)
	case len(lengths)+len(codings) > 1:
		return fmt.Errorf("Content-Length %q, Transfer-Encoding %q", lengths, codings)
	case len(codings) == 1 && codings[0] != "chunked":
		return fmt.Errorf("Transfer-Encoding %q", codings)
	case len(codings) == 1:
		return p.chunks(m)
	case len(lengths) == 1:
		n, err := strconv.ParseUint(lengths[0], 10, 31)
		if err != nil {
			return err
		}
		m.body, err = p.bytes(int(n))
		return err
	}
	return nil
}

func (p *parser) chunks(m *message) error {
	for {
		l, err := p.line()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(l, 16, 31)
		if err != nil {
			return err
		}
		data, err := p.bytes(int(n))
		m.body += data
		if err != nil {
			return err
		}
		if l, err = p.line(); err != nil {
			return err
		}
		if l != "" {
			return fmt.Errorf("after a chunk: %q", l)
		}
		if n == 0 {
			return nil
		}
	}
}
