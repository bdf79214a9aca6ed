package suite

import "testing"

// TestSamplesOfAttacks: what is written of an attack is read as the same attack.
func TestSamplesOfAttacks(t *testing.T) {
	list, err := Attacks()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 3000 {
		t.Errorf("%d attacks, want 3000 at least", len(list))
	}
	for _, a := range list {
		if _, ok := parse(a.Bytes()); !ok {
			t.Errorf("%s is not what every proxy reads:\n%s", a.Name, a.Bytes())
		}
	}
}
