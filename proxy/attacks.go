package proxy

// Attack is a request that every policy in block mode stops.
type Attack struct {
	Class string // tag of the rules that stop it, such as attack-sqli
	Query string // of its target, without "?"
}

// Attacks returns the built-in probes that come in a query, for whoever sends them over the network.
func Attacks() []Attack {
	out := make([]Attack, len(probes))
	for i, p := range probes {
		out[i] = Attack{Class: p.class, Query: probeName + "=" + escapeQuery(p.attack)}
	}
	return out
}
