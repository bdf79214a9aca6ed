package importer

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// applications makes sites of the applications of Coraza's SPOA, which are a list, or a mapping in older versions.
func applications(name string, list *yaml.Node) (sites []Site, notes Notes) {
	add := func(id string, n *yaml.Node) {
		s := Site{ID: id, Where: fmt.Sprintf("%s: application %s", name, id)}
		for _, key := range []string{"rules", "include", "directives"} {
			v := at(n, key)
			switch {
			case v == nil:
			case v.Kind == yaml.SequenceNode:
				for _, item := range v.Content {
					text := item.Value
					if key == "include" {
						text = "Include " + text
					}
					s.Texts = append(s.Texts, Text{Name: name, Line: item.Line, Text: text})
				}
			default:
				line := v.Line
				if v.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
					line++
				}
				s.Texts = append(s.Texts, Text{Name: name, Line: line, Text: v.Value})
			}
		}
		if v := scalar(n, "response_check"); v == "false" || v == "" {
			// Without it no response reaches Coraza.
			s.Texts = append(s.Texts, Text{Name: s.Where + ": response_check", Text: "SecResponseBodyAccess Off"})
		}
		notes.Add(Decide, s.Where, "HAProxy says which requests it sees: write their hosts and paths into route %s, and where the application is", strings.ToLower(id))
		sites = append(sites, s)
	}
	for i, n := range list.Content {
		switch {
		case list.Kind == yaml.MappingNode && i%2 == 1:
			add(list.Content[i-1].Value, n)
		case list.Kind == yaml.SequenceNode:
			add(scalar(n, "name"), n)
		}
	}
	return sites, notes
}
