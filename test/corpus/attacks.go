package corpus

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/test/crs/suite"
)

// Attacks returns those requests of the Core Rule Set's regression tests that have to make a
// rule match, and that any proxy reads in one way: well-formed, with a Host, of a method that
// applications know. Which of them a policy blocks, only its rules can say: many tests are of
// higher paranoia levels, or score too little alone.
//
// The Connection field is left out: what a connection costs is not what is measured.
func Attacks() ([]Request, error) {
	files, err := suite.Load()
	if err != nil {
		return nil, err
	}
	var list []Request
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
			r, ok := parse(raw)
			if !ok || seen[string(r.Bytes())] {
				continue
			}
			seen[string(r.Bytes())] = true
			r.Kind, r.Source = Attack, t.Name
			list = append(list, r)
		}
	}
	return list, nil
}

// parse reads a request as strictly as the strictest proxy might.
func parse(raw []byte) (Request, bool) {
	in := bufio.NewReader(bytes.NewReader(raw))
	parsed, err := http.ReadRequest(in)
	if err != nil {
		return Request{}, false
	}
	body, err := io.ReadAll(parsed.Body)
	rest, _ := io.ReadAll(in)
	if err != nil || len(rest) > 0 || len(parsed.TransferEncoding) > 0 {
		return Request{}, false
	}
	if parsed.ProtoMinor != 1 || parsed.Host == "" || parsed.Header.Get("Expect") != "" || !slices.Contains([]string{"GET", "POST"}, parsed.Method) {
		return Request{}, false
	}
	head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	fields := strings.Split(head, "\r\n")
	line := strings.Split(fields[0], " ")
	if len(line) != 3 || !strings.HasPrefix(line[1], "/") || strings.ContainsFunc(line[1], func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("\"<>\\^`{|}#", c) }) {
		return Request{}, false
	}
	r := Request{Method: line[0], Target: line[1], Body: body}
	for _, f := range fields[1:] {
		name, value, ok := strings.Cut(f, ": ")
		if !ok || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
			return Request{}, false
		}
		if !strings.EqualFold(name, "Connection") {
			r.Header = append(r.Header, Field{name, value})
		}
	}
	return r, true
}
