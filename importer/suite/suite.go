package suite

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"go.yaml.in/yaml/v3"
)

// File is one file of the suite: the tests of one rule. A key that is not here is an
// error, so that a later suite cannot ask for something that is passed over in silence.
type File struct {
	Meta   yaml.Node `yaml:"meta"`
	Author string    `yaml:"author"` // misplaced by one file
	RuleID int       `yaml:"rule_id"`
	Tests  []Test    `yaml:"tests"`
}

// Test is one test: requests that are sent one after the other.
type Test struct {
	ID          int     `yaml:"test_id"`
	Description string  `yaml:"desc"`
	Stages      []Stage `yaml:"stages"`

	Name string `yaml:"-"` // 942100-7
}

// Stage is a request and what is expected of it.
type Stage struct {
	Input  Input  `yaml:"input"`
	Output Output `yaml:"output"`
}

// Input is a request. Pointers tell what is absent from what is empty.
type Input struct {
	Address        string  `yaml:"dest_addr"` // always this machine; the tier's is used
	Port           int     `yaml:"port"`
	Method         *string `yaml:"method"`
	URI            *string `yaml:"uri"`
	Version        *string `yaml:"version"`
	Headers        Headers `yaml:"headers"`
	Data           *string `yaml:"data"`
	EncodedRequest string  `yaml:"encoded_request"` // base64, sent as it is
	Complete       *bool   `yaml:"autocomplete_headers"`
}

// Output is what a test expects.
type Output struct {
	Status      int  `yaml:"status"`       // 0: any
	ExpectError bool `yaml:"expect_error"` // no proper answer
	RetryOnce   bool `yaml:"retry_once"`   // for those who read a log by time; events are found by request id
	Log         struct {
		Expect       []int  `yaml:"expect_ids"`
		NoExpect     []int  `yaml:"no_expect_ids"`
		MatchRegex   string `yaml:"match_regex"`
		NoMatchRegex string `yaml:"no_match_regex"`
	} `yaml:"log"`
}

// String says in words what is expected.
func (o *Output) String() string {
	var parts []string
	if o.Status != 0 {
		parts = append(parts, fmt.Sprintf("status %d", o.Status))
	}
	if o.ExpectError {
		parts = append(parts, "an error")
	}
	for _, id := range o.Log.Expect {
		parts = append(parts, fmt.Sprint(id))
	}
	for _, id := range o.Log.NoExpect {
		parts = append(parts, fmt.Sprintf("not %d", id))
	}
	if o.Log.MatchRegex != "" {
		parts = append(parts, "a match in the log")
	}
	if o.Log.NoMatchRegex != "" {
		parts = append(parts, "no match in the log")
	}
	return strings.Join(parts, ", ")
}

// Header is one field of a request.
type Header struct{ Name, Value string }

// Headers keep the order of the file.
type Headers []Header

// UnmarshalYAML reads a mapping of scalars.
func (h *Headers) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: headers are not a mapping", n.Line)
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i+1].Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: a header's value is not a scalar", n.Content[i+1].Line)
		}
		*h = append(*h, Header{n.Content[i].Value, n.Content[i+1].Value})
	}
	return nil
}

// Get returns the first field of a name, in whatever case.
func (h Headers) Get(name string) (string, bool) {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value, true
		}
	}
	return "", false
}

// Load reads the suite, in the order of rule ids. A file with nothing but comments holds
// no tests.
func Load() ([]File, error) {
	var files []File
	err := fs.WalkDir(tests.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		text, err := fs.ReadFile(tests.FS, name)
		if err != nil {
			return err
		}
		var f File
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		decoder.KnownFields(true)
		if err := decoder.Decode(&f); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for i := range f.Tests {
			f.Tests[i].Name = fmt.Sprintf("%d-%d", f.RuleID, f.Tests[i].ID)
		}
		files = append(files, f)
		return nil
	})
	slices.SortFunc(files, func(a, b File) int { return a.RuleID - b.RuleID })
	return files, err
}

const (
	contentType = "Content-Type"
	formType    = "application/x-www-form-urlencoded"
)

// Bytes returns the request as it goes over the wire. Nothing is checked or repaired:
// many of the requests are broken on purpose.
func (in *Input) Bytes() ([]byte, error) {
	if in.EncodedRequest != "" {
		if in.Data != nil {
			return nil, errors.New("both data and encoded_request")
		}
		return base64.StdEncoding.DecodeString(in.EncodedRequest)
	}
	body, err := in.body()
	if err != nil {
		return nil, err
	}
	method := or(in.Method, "GET")
	head := slices.Clone(in.Headers)
	if in.Complete == nil || *in.Complete {
		if _, ok := head.Get(contentType); !ok && len(body) > 0 {
			head = append(head, Header{contentType, formType})
		}
		if t, _ := head.Get(contentType); t == formType {
			body = encodeForm(body)
		}
		if _, ok := head.Get("Connection"); !ok {
			head = append(head, Header{"Connection", "close"})
		}
		_, ok := head.Get("Content-Length")
		if !ok && (len(body) > 0 || slices.Contains([]string{"POST", "PUT", "PATCH", "DELETE"}, method)) {
			head = append(head, Header{"Content-Length", strconv.Itoa(len(body))})
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s %s\r\n", method, or(in.URI, "/"), or(in.Version, "HTTP/1.1"))
	for _, f := range head {
		fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
	}
	b.WriteString("\r\n" + body)
	return b.Bytes(), nil
}

// body is the data with its templates filled in and, in multipart bodies, with the line
// breaks that YAML cannot hold.
func (in *Input) body() (string, error) {
	body, err := fill(or(in.Data, ""))
	if err != nil {
		return "", err
	}
	if t, _ := in.Headers.Get(contentType); strings.HasPrefix(t, "multipart/form-data;") {
		body = strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n")
	}
	return body, nil
}

func or(s *string, absent string) string {
	if s == nil {
		return absent
	}
	return *s
}
