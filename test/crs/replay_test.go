package crs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"github.com/wafer-waf/wafer/importer/suite"
	"github.com/wafer-waf/wafer/test/tier"
	"github.com/wafer-waf/wafer/traffic"
)

// TestReplayReadsTheSuite: the requests that "wafer replay" finds in the files of the suite are those that the suite has.
func TestReplayReadsTheSuite(t *testing.T) {
	t.Parallel()
	want := map[string][]byte{}
	files, err := suite.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, test := range f.Tests {
			for i, stage := range test.Stages {
				name := test.Name
				if len(test.Stages) > 1 {
					name = fmt.Sprintf("%s, stage %d", name, i+1)
				}
				if want[name], err = stage.Input.Bytes(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	seen := 0
	err = fs.WalkDir(tests.FS, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".yaml" {
			return err
		}
		file, err := tests.FS.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		for r, err := range traffic.Read(name, file, traffic.Options{Format: traffic.FTW}) {
			if err != nil {
				t.Error(err)
				continue
			}
			seen++
			if raw, known := want[r.Name]; !known || !bytes.Equal(raw, r.Raw) || r.Line == 0 || !r.Recorded.Test {
				t.Errorf("%s: %s is\n%q, want\n%q", r.Where(), r.Name, r.Raw, raw)
			}
		}
		return nil
	})
	if err != nil || seen != len(want) {
		t.Errorf("%d tests were read of %d: %v", seen, len(want), err)
	}
}

// TestReplayOfTheSuite has the binary try a file of the suite: all that the tests want of the rule holds.
func TestReplayOfTheSuite(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(tests.FS, "REQUEST-942-APPLICATION-ATTACK-SQLI/942100.yaml")
	if err != nil {
		t.Fatal(err)
	}
	routes := tier.RouteFile(t, `
routes: [{ id: all, policy: all, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["http://a.invalid:80"] }]
policies: [{ id: all, inspection_budget: 10s }]
`)
	c := exec.CommandContext(t.Context(), tier.PlainBinary(t), "replay", routes, "-", "--expect", "recorded", "--strict", "--show", "differs")
	c.Stdin = bytes.NewReader(text)
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "recorded: all are") {
		t.Errorf("%v\n%s", err, out)
	}
}
