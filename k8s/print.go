package k8s

import (
	"encoding/json"
	"io"
	"strings"

	"sigs.k8s.io/yaml"
)

// Section is a part of what is printed: what the reader has to know, then objects.
type Section struct {
	Comment string // lines without "#"
	Objects []any
}

// WriteYAML prints objects as YAML documents that kubectl takes, without what only a
// server writes.
func WriteYAML(w io.Writer, sections ...Section) error {
	var b strings.Builder
	begun := false // a document
	for _, s := range sections {
		if begun && len(s.Objects) > 0 {
			b.WriteString("---\n")
			begun = false
		}
		b.WriteString(commented(s.Comment))
		for _, o := range s.Objects {
			text, err := clean(o)
			if err != nil {
				return err
			}
			if begun {
				b.WriteString("---\n")
			}
			b.Write(text)
			begun = true
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// commented makes a text a block of YAML comments.
func commented(text string) string {
	if text == "" {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		b.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	return b.String()
}

// serverFields are written by a server and mean nothing, or harm, in a manifest. A
// Service keeps its address because an address that is left out is left alone.
var serverFields = [][]string{
	{"status"},
	{"metadata", "uid"}, {"metadata", "resourceVersion"}, {"metadata", "generation"}, {"metadata", "creationTimestamp"},
	{"metadata", "managedFields"}, {"metadata", "selfLink"}, {"metadata", "ownerReferences"}, {"metadata", "finalizers"},
	{"metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"},
	{"spec", "clusterIP"}, {"spec", "clusterIPs"}, {"spec", "healthCheckNodePort"},
}

// clean returns the YAML of an object.
func clean(o any) ([]byte, error) {
	object := o
	replaced, isService := o.(*instead)
	if isService {
		object = replaced.Service
	}
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, err
	}
	for _, path := range serverFields {
		remove(m, path)
	}
	if isService {
		replaced.sayWhatGoes(m["spec"].(map[string]any))
	}
	return yaml.Marshal(m)
}

// sayWhatGoes adds to the spec what is not to stay of the one before. An apply of kubectl
// takes out only what an earlier apply has put there, and merges the rest: a Service that
// was made otherwise would end up with the keys of both selectors, and select nothing. A
// server-side apply replaces the selector, and would take a null for an empty value.
func (s *instead) sayWhatGoes(spec map[string]any) {
	selector, _ := spec["selector"].(map[string]any)
	for k := range s.before.Selector {
		if _, ok := selector[k]; !ok && !s.serverSide {
			selector[k] = nil
		}
	}
	if s.address != "" {
		spec["clusterIP"] = s.address
	}
	if s.before.PublishNotReadyAddresses && !s.Spec.PublishNotReadyAddresses {
		spec["publishNotReadyAddresses"] = false
	}
}

// remove takes out one field, and the mappings that are empty without it.
func remove(m map[string]any, path []string) {
	if len(path) == 1 {
		delete(m, path[0])
		return
	}
	if inner, ok := m[path[0]].(map[string]any); ok {
		remove(inner, path[1:])
		if len(inner) == 0 {
			delete(m, path[0])
		}
	}
}
