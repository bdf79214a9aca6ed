package importer

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

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
