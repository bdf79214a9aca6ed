package crs

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
	"text/template"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"go.yaml.in/yaml/v3"
)

// file is one file of the suite: the tests of one rule. A key that is not here is an
// error, so that a later suite cannot ask for something that is passed over in silence.
type file struct {
	Meta   yaml.Node `yaml:"meta"`
	Author string    `yaml:"author"` // misplaced by one file
	RuleID int       `yaml:"rule_id"`
	Tests  []test    `yaml:"tests"`
}

type test struct {
	ID          int     `yaml:"test_id"`
	Description string  `yaml:"desc"`
	Stages      []stage `yaml:"stages"`

	name string // 942100-7
}

type stage struct {
	Input  input  `yaml:"input"`
	Output output `yaml:"output"`
}

// input is a request. Pointers tell what is absent from what is empty.
type input struct {
	Address        string  `yaml:"dest_addr"` // always this machine; the tier's is used
	Port           int     `yaml:"port"`
	Method         *string `yaml:"method"`
	URI            *string `yaml:"uri"`
	Version        *string `yaml:"version"`
	Headers        headers `yaml:"headers"`
	Data           *string `yaml:"data"`
	EncodedRequest string  `yaml:"encoded_request"` // base64, sent as it is
	Complete       *bool   `yaml:"autocomplete_headers"`
}

// output is what a test expects.
type output struct {
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

type header struct{ name, value string }

// headers keep the order of the file.
type headers []header

func (h *headers) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: headers are not a mapping", n.Line)
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i+1].Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: a header's value is not a scalar", n.Content[i+1].Line)
		}
		*h = append(*h, header{n.Content[i].Value, n.Content[i+1].Value})
	}
	return nil
}

func (h headers) get(name string) (string, bool) {
	for _, f := range h {
		if strings.EqualFold(f.name, name) {
			return f.value, true
		}
	}
	return "", false
}

// load reads the suite, in the order of rule ids. A file with nothing but comments holds
// no tests.
func load() ([]file, error) {
	var files []file
	err := fs.WalkDir(tests.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		text, err := fs.ReadFile(tests.FS, name)
		if err != nil {
			return err
		}
		var f file
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		decoder.KnownFields(true)
		if err := decoder.Decode(&f); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for i := range f.Tests {
			f.Tests[i].name = fmt.Sprintf("%d-%d", f.RuleID, f.Tests[i].ID)
		}
		files = append(files, f)
		return nil
	})
	slices.SortFunc(files, func(a, b file) int { return a.RuleID - b.RuleID })
	return files, err
}

const (
	contentType = "Content-Type"
	formType    = "application/x-www-form-urlencoded"
)

// bytes returns the request as it goes over the wire. Nothing is checked or repaired:
// many of the requests are broken on purpose.
func (in *input) bytes() ([]byte, error) {
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
		if _, ok := head.get(contentType); !ok && len(body) > 0 {
			head = append(head, header{contentType, formType})
		}
		if t, _ := head.get(contentType); t == formType {
			body = encodeForm(body)
		}
		if _, ok := head.get("Connection"); !ok {
			head = append(head, header{"Connection", "close"})
		}
		_, ok := head.get("Content-Length")
		if !ok && (len(body) > 0 || slices.Contains([]string{"POST", "PUT", "PATCH", "DELETE"}, method)) {
			head = append(head, header{"Content-Length", strconv.Itoa(len(body))})
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s %s\r\n", method, or(in.URI, "/"), or(in.Version, "HTTP/1.1"))
	for _, f := range head {
		fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value)
	}
	b.WriteString("\r\n" + body)
	return b.Bytes(), nil
}

// body is the data with its templates filled in and, in multipart bodies, with the line
// breaks that YAML cannot hold.
func (in *input) body() (string, error) {
	body := or(in.Data, "")
	if strings.Contains(body, "{{") {
		t, err := template.New("").Funcs(template.FuncMap{
			"repeat": func(n int, s string) string { return strings.Repeat(s, n) },
		}).Parse(body)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		if err := t.Execute(&b, nil); err != nil {
			return "", err
		}
		body = b.String()
	}
	if t, _ := in.Headers.get(contentType); strings.HasPrefix(t, "multipart/form-data;") {
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
