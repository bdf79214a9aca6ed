package traffic

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/importer/suite"
	"go.yaml.in/yaml/v3"
)

// mostYAML bounds a file of tests, which cannot be read as a stream and takes up to 200 times its size in memory. The largest of the Core Rule Set has
// 200 KB.
const mostYAML = 2 << 20

// ftwFile is a file of go-ftw (https://github.com/coreruleset/ftw-tests-schema). Tests and stages stay nodes, so that one
// that is wrong does not keep the others from being read.
type ftwFile struct {
	RuleID int         `yaml:"rule_id"`
	Tests  []yaml.Node `yaml:"tests"`
}

type ftwTest struct {
	ID     int         `yaml:"test_id"`
	Title  string      `yaml:"test_title"`
	Stages []yaml.Node `yaml:"stages"`
}

type ftwStage struct {
	Stage  *ftwStage `yaml:"stage"` // as older files nest it
	Input  ftwInput  `yaml:"input"`
	Output ftwOutput `yaml:"output"`
}

type ftwInput struct {
	suite.Input `yaml:",inline"`
	StopMagic   bool `yaml:"stop_magic"` // the older word for autocomplete_headers: false
}

type ftwOutput struct {
	Status           yaml.Node `yaml:"status"`
	ExpectError      bool      `yaml:"expect_error"`
	LogContains      string    `yaml:"log_contains"`
	NoLogContains    string    `yaml:"no_log_contains"`
	ResponseContains string    `yaml:"response_contains"`
	Log              struct {
		Expect       []int  `yaml:"expect_ids"`
		NoExpect     []int  `yaml:"no_expect_ids"`
		MatchRegex   string `yaml:"match_regex"`
		NoMatchRegex string `yaml:"no_match_regex"`
	} `yaml:"log"`
}

// ftw reads tests of go-ftw.
func (f *reading) ftw(in *bufio.Reader) error {
	text, err := io.ReadAll(io.LimitReader(in, mostYAML+1))
	if err != nil {
		return err
	}
	if len(text) > mostYAML {
		return fmt.Errorf("a file of tests with more than %d MiB", mostYAML>>20)
	}
	documents := yaml.NewDecoder(strings.NewReader(string(text)))
	for {
		var file ftwFile
		err := documents.Decode(&file)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return yamlProblem(f.name, err)
		}
		for i := range file.Tests {
			if err := f.ftwTest(file.RuleID, &file.Tests[i]); err != nil {
				return err
			}
		}
	}
}

// goType ends what the parser says of a value of the wrong kind: a name of this package, which says nothing to readers.
var goType = regexp.MustCompile(` into \S+$`)

var yamlLine = regexp.MustCompile(`line (\d+): `)

// yamlProblem takes the line out of an error of the parser.
func yamlProblem(file string, err error) *Problem {
	what := err.Error()
	if wrong := (*yaml.TypeError)(nil); errors.As(err, &wrong) { // the first says enough of many
		what = goType.ReplaceAllString(wrong.Errors[0], " stands where another kind of value is expected")
		what = strings.Replace(what, "cannot unmarshal ", "", 1)
	}
	what = strings.Join(strings.Fields(strings.TrimPrefix(what, "yaml: ")), " ")
	p := &Problem{File: file, What: "no tests of go-ftw: " + what, Final: true}
	if m := yamlLine.FindStringSubmatch(what); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.What = strings.Replace(p.What, m[0], "", 1)
	}
	return p
}

func (f *reading) ftwTest(rule int, node *yaml.Node) error {
	var t ftwTest
	if err := node.Decode(&t); err != nil {
		return f.problem(node.Line, "%s", yamlProblem("", err).What)
	}
	name := t.Title
	if name == "" {
		name = fmt.Sprintf("%d-%d", rule, t.ID)
	}
	if len(t.Stages) == 0 {
		return f.problem(node.Line, "test %s has no stages", name)
	}
	for i := range t.Stages {
		stage, node := ftwStage{}, &t.Stages[i]
		if err := node.Decode(&stage); err != nil {
			if err := f.problem(node.Line, "test %s: %s", name, yamlProblem("", err).What); err != nil {
				return err
			}
			continue
		}
		if stage.Stage != nil {
			stage = *stage.Stage
		}
		if err := f.ftwStage(name, i, len(t.Stages), node.Line, &stage); err != nil {
			return err
		}
	}
	return nil
}

func (f *reading) ftwStage(test string, i, n, line int, s *ftwStage) error {
	name := test
	if n > 1 {
		name = fmt.Sprintf("%s, stage %d", test, i+1)
	}
	if s.Input.StopMagic {
		s.Input.Complete = new(bool)
	}
	raw, err := s.Input.Bytes()
	if err != nil {
		return f.problem(line, "test %s: input: %v", name, err)
	}
	if len(raw) > f.MostBytes {
		return f.problem(line, "test %s: a request of more than %d bytes", name, f.MostBytes)
	}
	r := &Request{Line: line, Name: name, Raw: raw, Recorded: s.Output.wants()}
	if i > 0 {
		r.Lost = append(r.Lost, "a stage behind others is tried alone")
	}
	return f.give(r)
}

var loggedID = regexp.MustCompile(`id "(\d+)"`)

// wants is what a test expects.
func (o *ftwOutput) wants() *Recorded {
	r := &Recorded{Test: true, Expect: slices.Clone(o.Log.Expect), ExpectNot: slices.Clone(o.Log.NoExpect), Fails: o.ExpectError}
	unjudged := func(asked bool, what string) {
		if asked {
			r.Unjudged = append(r.Unjudged, what)
		}
	}
	ids := func(text string, into *[]int, name string) {
		found := loggedID.FindAllStringSubmatch(text, -1)
		for _, m := range found {
			id, _ := strconv.Atoi(m[1])
			*into = append(*into, id)
		}
		unjudged(text != "" && len(found) == 0, name)
	}
	ids(o.LogContains, &r.Expect, "log_contains")
	ids(o.NoLogContains, &r.ExpectNot, "no_log_contains")
	unjudged(o.ResponseContains != "", "response_contains")
	unjudged(o.Log.MatchRegex != "", "log.match_regex")
	unjudged(o.Log.NoMatchRegex != "", "log.no_match_regex")
	if o.Status.Decode(&r.Statuses) != nil {
		var one int
		if o.Status.Decode(&one) == nil && one != 0 {
			r.Statuses = []int{one}
		}
	}
	if r.Late = slices.ContainsFunc(r.Expect, ofResponses); r.Late {
		r.Unjudged = append(r.Unjudged, "rules of responses")
	}
	return r
}

// ofResponses reports whether a rule of the Core Rule Set looks at responses.
func ofResponses(id int) bool { return id >= 950000 && id < 960000 || id/1000 == 980 }
