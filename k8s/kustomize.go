package k8s

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// Kustomize returns the files of a kustomize component by name: what is new as resources,
// the Services as patches, the route file as it has to be. Who keeps manifests in a
// repository includes it beside the application and the tier.
func (p *Plan) Kustomize() (map[string][]byte, error) {
	if len(p.merged) != 1 || len(p.Tiers) != 1 {
		return nil, fmt.Errorf("--output kustomize takes one tier and its route file: name the Services of one namespace, and give its ConfigMap with -f or the file with --routes")
	}
	files := map[string][]byte{routesKey: p.merged[p.Tiers[0]]}
	var origins []any
	for _, o := range p.Prepare {
		if s, ok := o.(*core.Service); ok {
			origins = append(origins, s)
		}
	}
	for name, objects := range map[string][]any{"origins.yaml": origins, "policies.yaml": p.Close} {
		var b bytes.Buffer
		if err := WriteYAML(&b, Section{Objects: objects}); err != nil {
			return nil, err
		}
		files[name] = b.Bytes()
	}
	var patches []map[string]any
	for _, o := range p.Switch {
		s, ok := o.(*instead)
		if !ok {
			return nil, fmt.Errorf("--output kustomize does not go with --external-name: a patch cannot make a Service an alias")
		}
		text, err := s.patch()
		if err != nil {
			return nil, err
		}
		file := "switch-" + s.Name + ".yaml"
		files[file] = text
		patches = append(patches, map[string]any{"path": file, "target": map[string]any{"kind": "Service", "name": s.Name}})
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component",
		"resources": []string{"origins.yaml", "policies.yaml"},
		"patches":   patches,
		"configMapGenerator": []map[string]any{{
			"name": p.configMap, "behavior": "merge", "files": []string{routesKey}, "options": map[string]any{"disableNameSuffixHash": true},
		}},
	})
	files["kustomization.yaml"] = append([]byte(commented(kustomizeSays)), text...)
	return files, err
}

const kustomizeSays = `For the kustomization that has the application and the tier: name this folder under "components".
Without the tier's ConfigMap in the same kustomization, take configMapGenerator out and put routes.yaml
where the tier has it. To go in phases, commit with "patches" and policies.yaml taken out first, put
"patches" back once "wafer k8s wait" is through, and policies.yaml when no old connection is left.
The way back goes in the other direction: first policies.yaml, then "patches", then all of it.
`

// patch is a strategic merge patch that leads a Service to the tier. Nulls and deletions take
// out what a merge would keep.
func (s *instead) patch() ([]byte, error) {
	full, err := clean(&instead{Service: s.Service, before: s.before})
	if err != nil {
		return nil, err
	}
	var m struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec map[string]json.RawMessage `json:"spec"`
	}
	if err := yaml.Unmarshal(full, &m); err != nil {
		return nil, err
	}
	marks := map[string]string{originAnnotation: m.Metadata.Annotations[originAnnotation], beforeAnnotation: m.Metadata.Annotations[beforeAnnotation]}
	var ports []map[string]any
	for _, port := range s.Spec.Ports {
		ports = append(ports, map[string]any{"port": port.Port, "targetPort": port.TargetPort})
	}
	for _, old := range s.before.Ports {
		if !slices.ContainsFunc(s.Spec.Ports, func(n core.ServicePort) bool { return samePort(n, old) }) {
			ports = append(ports, map[string]any{"port": old.Port, "$patch": "delete"})
		}
	}
	spec := map[string]any{"selector": m.Spec["selector"], "ports": ports}
	if v, ok := m.Spec["publishNotReadyAddresses"]; ok {
		spec["publishNotReadyAddresses"] = v
	}
	return yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": s.Name, "annotations": marks}, "spec": spec,
	})
}

// MergedRoutes is the tier's whole route file with the entries.
func (p *Plan) MergedRoutes() ([]byte, error) {
	if len(p.Tiers) != 1 || p.merged[p.Tiers[0]] == nil {
		return nil, fmt.Errorf("no one route file is known to merge with (tiers: %s): give its ConfigMap with -f, or the file with --routes", strings.Join(p.Tiers, ", "))
	}
	return p.merged[p.Tiers[0]], nil
}
