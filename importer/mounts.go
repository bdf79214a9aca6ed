package importer

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// container is one of the Core Rule Set's images, with what it has from outside.
type container struct {
	id, where string
	env       map[string]string
	envFiles  []string // of Compose
	envFrom   bool     // variables from other objects of Kubernetes
	mounts    []mount
}

// outside puts variables of files that were given into the environment, where they are weaker than what stands there,
// and notes what was not given.
func (f *Files) outside(c *container) (notes Notes) {
	for _, name := range slices.Backward(c.envFiles) { // the later wins
		t, ok := f.Open(name)
		if !ok {
			notes.Add(Decide, c.where, "env_file %s was not given: what it sets is not carried", name)
			continue
		}
		f.taken = append(f.taken, t.Name)
		for name, value := range dotenv(t.Text) {
			if _, set := c.env[name]; !set {
				c.env[name] = value
			}
		}
	}
	if c.envFrom {
		notes.Add(Decide, c.where, "envFrom is not carried: give the variables as lines NAME=VALUE")
	}
	for _, m := range c.mounts {
		if m.isRules() && !f.given(m) {
			notes.Add(Decide, c.where, "%s is mounted at %s, and was not given: rules and exclusions in it are not carried", m.source, m.target)
		}
	}
	return notes
}

// envFiles reads env_file of Compose: a name, or a list of names or of mappings with a path.
func envFiles(n *yaml.Node) (out []string) {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	for _, item := range n.Content {
		if name := cmp.Or(scalar(item, "path"), item.Value); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// mount is a file or a folder that a container of the Core Rule Set's images has from outside: its own rules are in
// such files, and without them an import would lose them in silence.
type mount struct{ source, target string }

// mounts reads the volumes of a service of Compose, or the volumeMounts of a container of Kubernetes.
func mounts(n *yaml.Node) (out []mount) {
	if n == nil {
		return nil
	}
	for _, item := range n.Content {
		m := mount{scalar(item, "source"), scalar(item, "target")}
		switch {
		case item.Kind == yaml.ScalarNode:
			var rest string
			m.source, rest, _ = strings.Cut(item.Value, ":")
			m.target, _, _ = strings.Cut(rest, ":")
		case m.target == "":
			m.source, m.target = scalar(item, "name"), scalar(item, "mountPath")
			if file := scalar(item, "subPath"); file != "" {
				m.source = path.Join(m.source, file)
			}
		}
		if m.source != "" && m.target != "" {
			out = append(out, m)
		}
	}
	return out
}

// isRules reports whether rules may be in it.
func (m mount) isRules() bool {
	if path.Ext(m.target) != "" && path.Ext(m.target) != ".d" {
		return path.Ext(m.target) == ".conf" && !strings.Contains(m.target, "/nginx/") && !strings.Contains(m.target, "/apache2/")
	}
	return strings.Contains(m.target, "modsecurity") || strings.Contains(m.target, "crs")
}

// given reports whether a file of that name, or one in a folder of that name, was given.
func (f *Files) given(m mount) bool {
	return slices.ContainsFunc(f.names, func(name string) bool {
		parts := strings.Split(name, "/")
		return slices.Contains(parts, path.Base(m.source)) || slices.Contains(parts, path.Base(m.target))
	})
}
