package screen

import (
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/wafer-waf/wafer/waf/screen/extract"
)

func TestDevNodes(t *testing.T) {
	texts := []Text{{Source: "setup", Text: benchSetup}, {Source: "crs", Text: "Include @owasp_crs/*.conf"}}
	s, err := NewCompiler(coreruleset.FS).Compile(texts, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := s.index.kinds[extract.ArgsPost]
	users := map[int32][]int{}
	for _, g := range s.index.guards {
		for _, n := range g.nodes {
			users[n] = append(users[n], g.rule.id)
		}
	}
	for _, n := range c.nodes {
		nd := s.index.nodes[n]
		t.Logf("%d parent %d %s touches %v users %v", n, nd.parent, nd.step.Name(), nd.touches, users[n])
	}
	t.Log("raw", users[0])
	for k := range extract.Kinds {
		if c := s.index.kinds[k]; c != nil {
			t.Logf("%v nodes %d touches %v", k, len(c.nodes), c.touches)
		}
	}
}
