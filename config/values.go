package config

import "reflect"

// Value is one setting of an effective policy.
type Value struct {
	Path   string // key path within the policy, such as "paranoia.blocking"
	Value  any
	Source string // as in Policy.Sources
}

// Values lists all settings of an effective policy in the order of the documentation.
func (p *Policy) Values() []Value {
	var out []Value
	for _, path := range policySettings() {
		out = append(out, Value{Path: path, Value: valueAt(reflect.ValueOf(*p), path).Interface(), Source: p.Sources[path]})
	}
	return out
}
