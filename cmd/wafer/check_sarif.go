package main

import (
	"io"
	"path/filepath"

	"github.com/wafer-waf/wafer/config"
)

// checkedSARIF prints problems as SARIF 2.1.0, which code hosts show beside the lines.
func checkedSARIF(w io.Writer, all []checked) error {
	results := []map[string]any{}
	for _, c := range all {
		for _, p := range c.Problems {
			results = append(results, sarifResult(c.File, p))
		}
	}
	return printJSON(w, all, map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []any{map[string]any{
			"tool": map[string]any{"driver": map[string]any{
				"name": "wafer check", "version": version,
				"rules": []any{map[string]any{"id": "configuration", "shortDescription": map[string]string{"text": "The configuration cannot be put in force"}}},
			}},
			"results": results,
		}},
	})
}

func sarifResult(file string, p config.Problem) map[string]any {
	what := p.What
	if p.Path != "" {
		what = p.Path + ": " + what
	}
	if p.File != "" {
		file = p.File
	}
	location := map[string]any{"artifactLocation": map[string]string{"uri": filepath.ToSlash(file)}}
	if p.Line > 0 {
		location["region"] = map[string]int{"startLine": p.Line}
	}
	return map[string]any{
		"ruleId": "configuration", "level": "error", "message": map[string]string{"text": what},
		"locations": []any{map[string]any{"physicalLocation": location}},
	}
}
