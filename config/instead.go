package config

import (
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// shortTag names, on a field, the kinds of plain values that people write in place of the mapping: "string",
// "number" or "bool", and behind a comma what the mapping needs beside.
const shortTag = "short"

// instead says how what was written would be written right: "; write …", or nothing.
func instead(n *yaml.Node, t reflect.Type) string {
	if n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return ""
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	text := ""
	switch {
	case t.Kind() == reflect.Slice && n.Kind == yaml.ScalarNode && isMapping(t.Elem()) && plainOf(t.Elem()) == nil:
		if text = mappingOf(n, t.Elem()); text != "" {
			text = "[" + text + "]"
		}
	case t.Kind() == reflect.Slice && n.Kind == yaml.ScalarNode:
		text = "[" + plainly(n) + "]"
	case t.Kind() == reflect.Slice && n.Kind == yaml.MappingNode && isMapping(t.Elem()):
		if n.Style&yaml.FlowStyle != 0 {
			return ": write it in brackets, [{ … }]"
		}
		if keys := keysOf(t.Elem()); len(n.Content) > 0 && slices.Contains(keys, n.Content[0].Value) {
			return ": put \"- \" before " + n.Content[0].Value + ", and two spaces before the lines that follow"
		}
		return ""
	case isMapping(t) && n.Kind == yaml.ScalarNode:
		text = mappingOf(n, t)
	case !isMapping(t) && t.Kind() != reflect.Slice && n.Kind == yaml.SequenceNode && len(n.Content) == 1 && n.Content[0].Kind == yaml.ScalarNode:
		text = plainly(n.Content[0])
	}
	if text == "" {
		return ""
	}
	return ": write " + text
}

// switchWord is what to write for a truth value where one of these words is wanted. In quotes it would be none of them.
func switchWord(truth string, words []string) string {
	var word Switch
	switch strings.ToLower(truth) {
	case "true", "yes":
		word = On
	case "false", "no": // which as a mistyped word would be more like on
		word = Off
	}
	if !slices.Contains(words, string(word)) {
		return ""
	}
	return ": write " + string(word)
}

// mappingOf writes a plain value as the mapping that it stands for.
func mappingOf(n *yaml.Node, t reflect.Type) string {
	if strings.HasSuffix(n.Value, ".conf") {
		if text := shortOf(n, t, "file"); text != "" {
			return text
		}
	}
	kind := map[string]string{"!!str": "string", "!!int": "number", "!!bool": "bool"}[n.ShortTag()]
	return shortOf(n, t, kind)
}

// shortOf writes a plain value under the field that values of the kind stand for.
func shortOf(n *yaml.Node, t reflect.Type, kind string) string {
	for i := range t.NumField() {
		f := t.Field(i)
		short, more, _ := strings.Cut(f.Tag.Get(shortTag), ",")
		if short == kind && short != "" {
			text := "{ " + f.Tag.Get(tagName) + ": " + plainly(n)
			if more != "" {
				text += ", " + more
			}
			return text + " }"
		}
	}
	return ""
}

// plainly is a value as it would be written within brackets.
func plainly(n *yaml.Node) string {
	if n.ShortTag() == "!!str" && strings.ContainsAny(n.Value, ",[]{}#&*!|>'\"%@`: ") {
		return `"` + strings.ReplaceAll(n.Value, `"`, `\"`) + `"`
	}
	return n.Value
}
