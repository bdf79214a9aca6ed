package k8s

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	core "k8s.io/api/core/v1"
)

// before is what phase switch changes of a Service.
type before struct {
	Type                     core.ServiceType   `json:"type,omitempty"`
	ClusterIP                string             `json:"clusterIP,omitempty"`
	Selector                 map[string]string  `json:"selector"`
	Ports                    []core.ServicePort `json:"ports"`
	PublishNotReadyAddresses bool               `json:"publishNotReadyAddresses,omitempty"`
}

// keptText is the annotation that remembers a Service as it is now.
func keptText(s *core.Service) string {
	text, err := json.Marshal(before{s.Spec.Type, s.Spec.ClusterIP, s.Spec.Selector, s.Spec.Ports, s.Spec.PublishNotReadyAddresses})
	if err != nil {
		panic(err) // these types are all of JSON
	}
	return string(text)
}

// keptBefore reads the annotation; nil: there is none, because an older release made it.
func keptBefore(s *core.Service) (*before, error) {
	text := s.Annotations[beforeAnnotation]
	if text == "" {
		return nil, nil
	}
	var b before
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return nil, fmt.Errorf("annotation %s: %w", beforeAnnotation, err)
	}
	if len(b.Selector) == 0 || len(b.Ports) == 0 {
		return nil, fmt.Errorf("annotation %s holds no selector or no ports", beforeAnnotation)
	}
	return &b, nil
}

// restore makes a Service what it was.
func (b before) restore(s *core.Service) {
	if s.Spec.Type == core.ServiceTypeExternalName {
		s.Spec.Type, s.Spec.ExternalName = core.ServiceTypeClusterIP, ""
		s.Spec.ClusterIP = b.ClusterIP
	}
	if b.Type != "" {
		s.Spec.Type = b.Type
	}
	s.Spec.Selector, s.Spec.Ports = maps.Clone(b.Selector), withNodePorts(b.Ports, s.Spec.Ports)
	s.Spec.PublishNotReadyAddresses = b.PublishNotReadyAddresses
}

// withNodePorts gives ports the node ports that the same ones have elsewhere.
func withNodePorts(ports, from []core.ServicePort) []core.ServicePort {
	out := slices.Clone(ports)
	for i := range out {
		if at := slices.IndexFunc(from, func(p core.ServicePort) bool { return samePort(p, out[i]) }); at >= 0 && out[i].NodePort == 0 {
			out[i].NodePort = from[at].NodePort
		}
	}
	return out
}
