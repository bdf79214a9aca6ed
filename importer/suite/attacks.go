package suite

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Attack is a request that has to make a rule match.
type Attack struct {
	Name           string // of the test, 942100-7
	Method, Target string
	Headers        Headers // in order, with Host and Content-Length
	Body           []byte
}

// Bytes returns the request as it goes over the wire.
func (a *Attack) Bytes() []byte {
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\n", a.Method, a.Target)
	for _, f := range a.Headers {
		b = append(append(append(append(b, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	return append(append(b, "\r\n"...), a.Body...)
}

// Attacks returns those requests of the tests that have to make a rule match, and that any proxy reads in one way:
// well-formed, with a Host, of a method that applications know. Which of them a policy blocks, only its rules
// can say: many tests are of higher paranoia levels, or score too little alone. No two of them are equal.
//
// The Connection field is left out: what a connection costs is not what they are for.
func Attacks() ([]Attack, error) {
	files, err := Load()
	if err != nil {
		return nil, err
	}
	var list []Attack
	seen := map[string]bool{}
	for _, f := range files {
		for _, t := range f.Tests {
			s := t.Stages[len(t.Stages)-1]
			if len(t.Stages) > 1 || len(s.Output.Log.Expect) == 0 || s.Output.ExpectError {
				continue
			}
			raw, err := s.Input.Bytes()
			if err != nil {
				return nil, err
			}
			a, ok := parse(raw)
			if !ok || seen[string(a.Bytes())] {
				continue
			}
			seen[string(a.Bytes())] = true
			a.Name = t.Name
			list = append(list, a)
		}
	}
	return list, nil
}

// parse reads a request as strictly as the strictest proxy might.
func parse(raw []byte) (Attack, bool) {
	in := bufio.NewReader(bytes.NewReader(raw))
	parsed, err := http.ReadRequest(in)
	if err != nil {
		return Attack{}, false
	}
	body, err := io.ReadAll(parsed.Body)
	rest, _ := io.ReadAll(in)
	if err != nil || len(rest) > 0 || len(parsed.TransferEncoding) > 0 {
		return Attack{}, false
	}
	if parsed.ProtoMinor != 1 || parsed.Host == "" || parsed.Header.Get("Expect") != "" || !slices.Contains([]string{"GET", "POST"}, parsed.Method) {
		return Attack{}, false
	}
	head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	fields := strings.Split(head, "\r\n")
	line := strings.Split(fields[0], " ")
	if len(line) != 3 || !strings.HasPrefix(line[1], "/") || strings.ContainsFunc(line[1], func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("\"<>\\^`{|}#", c) }) {
		return Attack{}, false
	}
	a := Attack{Method: line[0], Target: line[1], Body: body}
	for _, f := range fields[1:] {
		name, value, ok := strings.Cut(f, ": ")
		if !ok || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
			return Attack{}, false
		}
		if !strings.EqualFold(name, "Connection") {
			a.Headers = append(a.Headers, Header{name, value})
		}
	}
	return a, true
}
