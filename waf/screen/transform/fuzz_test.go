package transform

import (
	"strings"
	"testing"
)

// FuzzTransform compares one transformation with Coraza's; index counts the names in their order.
func FuzzTransform(f *testing.F) {
	all := names()
	oracles := make([]oracle, len(all))
	for i, name := range all {
		oracles[i] = newOracle(f, strings.ToUpper(name)) // "t:none" would be no transformation
	}
	for i, value := range values(f) {
		f.Add(uint8(i), value)
	}
	f.Fuzz(func(t *testing.T, index uint8, value string) {
		i := int(index) % len(all)
		chain := mustChain(t, all[i])
		compare(t, oracles[i], all[i:i+1], chain, value)
		checkPromises(t, chain[0], value)
	})
}

// FuzzChain compares chains of three with Coraza's.
func FuzzChain(f *testing.F) {
	all := names()
	for i, value := range values(f) {
		f.Add(uint8(i), uint8(i/2), uint8(i/3), value)
	}
	f.Fuzz(func(t *testing.T, a, b, c uint8, value string) {
		chosen := []string{all[int(a)%len(all)], all[int(b)%len(all)], all[int(c)%len(all)]}
		for i, name := range chosen {
			chosen[i] = strings.ToUpper(name)
		}
		compare(t, newOracle(t, chosen...), chosen, mustChain(t, chosen...), value)
	})
}
