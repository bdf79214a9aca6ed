package crs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/wafer-waf/wafer/importer/suite"
)

// The classes of exceptions.
const (
	classAdjusted = "adjusted" // another expectation, which is given, takes the place of the suite's
	classRefused  = "refused"  // the tier answers with 4xx or 5xx before any rule, and the backend hears nothing
	classIgnored  = "ignored"  // fails, and nothing takes its place
)

// exception is a test that does not go as the suite expects.
type exception struct {
	Test   string        `yaml:"test"` // 942100-7
	Class  string        `yaml:"class"`
	Expect *suite.Output `yaml:"expect"` // of class adjusted
	Reason string        `yaml:"reason"`
}

const exceptionsFile = "testdata/exceptions.yaml"

func loadExceptions() (map[string]exception, []exception, error) {
	text, err := os.ReadFile(exceptionsFile)
	if err != nil {
		return nil, nil, err
	}
	var list []exception
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s: %w", exceptionsFile, err)
	}
	byTest := map[string]exception{}
	var errs []error
	for _, e := range list {
		switch {
		case byTest[e.Test].Test != "":
			errs = append(errs, fmt.Errorf("%s: %s twice", exceptionsFile, e.Test))
		case !slices.Contains([]string{classAdjusted, classRefused, classIgnored}, e.Class):
			errs = append(errs, fmt.Errorf("%s: %s: no such class: %q", exceptionsFile, e.Test, e.Class))
		case (e.Class == classAdjusted) != (e.Expect != nil):
			errs = append(errs, fmt.Errorf("%s: %s: expect belongs to class %s", exceptionsFile, e.Test, classAdjusted))
		case strings.TrimSpace(e.Reason) == "":
			errs = append(errs, fmt.Errorf("%s: %s: no reason", exceptionsFile, e.Test))
		}
		byTest[e.Test] = e
	}
	return byTest, list, errors.Join(errs...)
}

const (
	doc        = "../../docs/crs-conformance.md"
	tableBegin = "<!-- exceptions: begin, generated from test/crs/" + exceptionsFile + " -->\n"
	tableEnd   = "<!-- exceptions: end -->\n"
)

// TestDocument compares the tables for readers with the exceptions in force.
func TestDocument(t *testing.T) {
	_, list, err := loadExceptions()
	if err != nil {
		t.Fatal(err)
	}
	files, err := suite.Load()
	if err != nil {
		t.Fatal(err)
	}
	expected := map[string]*suite.Output{}
	for _, f := range files {
		for _, c := range f.Tests {
			expected[c.Name] = &c.Stages[len(c.Stages)-1].Output
		}
	}
	count := map[string]int{}
	for _, e := range list {
		count[e.Class]++
		if expected[e.Test] == nil {
			t.Fatalf("%s: no test %s in the suite", exceptionsFile, e.Test)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n| tests | pass as they are | pass with another expectation | refused before any rule | ignored |\n|---|---|---|---|---|\n| %d | %d | %d | %d | %d |\n",
		total, total-len(list), count[classAdjusted], count[classRefused], count[classIgnored])
	b.WriteString("\n| test | the suite expects | class | instead | why |\n|---|---|---|---|---|\n")
	for _, e := range list {
		instead := map[string]string{classRefused: "refused, nothing forwarded", classIgnored: "nothing"}[e.Class]
		if e.Expect != nil {
			instead = e.Expect.String()
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", e.Test, expected[e.Test], e.Class, instead, strings.Join(strings.Fields(e.Reason), " "))
	}
	b.WriteString("\n")
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), tableBegin)
	table, _, closed := strings.Cut(rest, tableEnd)
	if !ok || !closed {
		t.Fatalf("%s has no lines %q and %q", doc, tableBegin, tableEnd)
	}
	if table != b.String() {
		t.Errorf("the tables in %s are not what follows from %s:\n%s", doc, exceptionsFile, b.String())
	}
}
