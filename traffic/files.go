package traffic

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"

	"github.com/wafer-waf/wafer/record"
)

// Format is how a file tells requests.
type Format string

// The formats.
const (
	Records Format = "records" // of the tier, a line of JSON each
	HAR     Format = "har"     // as browsers export it
	HTTP    Format = "http"    // requests as they go over a connection, one behind the other
	FTW     Format = "ftw"     // tests of go-ftw
)

// Formats are all of them.
func Formats() []Format { return []Format{Records, HAR, HTTP, FTW} }

// reading is one file that is read.
type reading struct {
	Options
	name   string
	n      int
	events bool // it begins with events, among which may be records
	yield  func(*Request, error) bool
}

// errEnough ends the reading of a file whose reader wants no more.
var errEnough = errors.New("enough")

// Read returns the requests of a file. An error beside them is a [*Problem]; the one that is final comes last.
func Read(name string, r io.Reader, o Options) iter.Seq2[*Request, error] {
	if o.MostBytes == 0 {
		o.MostBytes = defaultMostBytes
	}
	return func(yield func(*Request, error) bool) {
		f := &reading{Options: o, name: name, yield: yield}
		err := f.read(r)
		if err == nil || errors.Is(err, errEnough) {
			return
		}
		var p *Problem
		if !errors.As(err, &p) {
			p = &Problem{File: name, What: err.Error(), Final: true}
			if at := (*syntaxError)(nil); errors.As(err, &at) {
				p.Line = at.line
			}
		}
		yield(nil, p)
	}
}

func (f *reading) read(r io.Reader) error {
	if f.Progress != nil {
		r = &counted{r, f.Progress}
	}
	in, err := record.Unpacked(r)
	if err != nil {
		return err
	}
	begin, err := in.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read: %w", err)
	}
	if bytes.HasPrefix(begin, []byte("\xff\xfe")) || bytes.HasPrefix(begin, []byte("\xfe\xff")) {
		return errors.New("the file is in UTF-16: save it as UTF-8")
	}
	if mark := []byte("\xef\xbb\xbf"); bytes.HasPrefix(begin, mark) {
		begin = begin[len(mark):]
		if _, err := in.Discard(len(mark)); err != nil {
			return err
		}
	}
	if len(bytes.TrimSpace(begin)) == 0 && err != nil {
		return nil // nothing was recorded
	}
	format := f.Format
	if format == "" {
		if format, err = known(begin); err != nil {
			return err
		}
	}
	switch f.events = beginsEvent.Match(begin); format {
	case Records:
		return f.records(in)
	case HAR:
		return f.har(in)
	case HTTP:
		return f.http(in)
	case FTW:
		return f.ftw(in)
	}
	return fmt.Errorf("there is no format %q", format)
}

var (
	beginsHAR    = regexp.MustCompile(`^\{\s*"log"\s*:`)
	beginsHTTP   = regexp.MustCompile(`^(?:#[^\n]*\n|\s*\n)*\S+ [^\r\n]*HTTP/`)
	beginsFTW    = regexp.MustCompile(`(?m)^(?:meta|tests|rule_id):`)
	beginsRecord = regexp.MustCompile(`^\{[^\n]*"event"\s*:\s*"record"`)
	beginsEvent  = regexp.MustCompile(`^\{[^\n]*"event"\s*:\s*"(?:access|security|ban)"`)
)

var errEvents = errors.New(`these are events, which tell what became of requests and not the requests: "wafer explain --log" reads them; records have the requests`)

// known finds out the format of a file by its beginning.
func known(begin []byte) (Format, error) {
	begin = bytes.TrimLeft(begin, " \t\r\n")
	switch {
	case len(begin) == 0:
		return "", errors.New("it begins with white space and nothing else")
	case beginsHAR.Match(begin):
		return HAR, nil
	case beginsRecord.Match(begin), beginsEvent.Match(begin):
		return Records, nil
	case begin[0] == '{' || begin[0] == '[':
		return "", errors.New(`neither HAR, which begins with {"log":, nor records, whose lines have "event":"record"`)
	case beginsHTTP.Match(begin):
		return HTTP, nil
	case beginsFTW.Match(begin):
		return FTW, nil
	}
	line, _, _ := strings.Cut(string(begin), "\n")
	return "", fmt.Errorf("it begins with %s, expected records, HAR, a request line such as GET / HTTP/1.1, or tests of go-ftw", quoted(strings.TrimSpace(line)))
}

// give hands a request on.
func (f *reading) give(r *Request) error {
	f.n++
	r.File, r.N = f.name, f.n
	if f.Host != "" && r.Raw != nil {
		r.Raw = withHost(r.Raw, f.Host)
	}
	if !f.yield(r, nil) {
		return errEnough
	}
	return nil
}

// problem tells of something that is no request, behind which the reading goes on.
func (f *reading) problem(line int, format string, args ...any) error {
	if !f.yield(nil, &Problem{File: f.name, Line: line, What: fmt.Sprintf(format, args...)}) {
		return errEnough
	}
	return nil
}

// counted tells how much is read.
type counted struct {
	r    io.Reader
	told func(n int)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.told(n)
	return n, err
}
