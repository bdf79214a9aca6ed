package extract

import (
	"strings"
	"testing"
)

// TestOrdinary holds the requests that most traffic is made of: they are equal to Coraza,
// and none is left to it.
func TestOrdinary(t *testing.T) {
	v := new(Values)
	for name, m := range messages(t, "ordinary") {
		t.Run(name, func(t *testing.T) {
			if ok, why := check(t, v, m); !ok {
				t.Errorf("left to Coraza: %s", why)
			}
		})
	}
}

// TestOdd holds requests of which the head is equal to Coraza whatever it is, and the body
// where it is answered at all.
func TestOdd(t *testing.T) {
	v := new(Values)
	for name, m := range messages(t, "odd") {
		t.Run(name, func(t *testing.T) {
			ok, why := check(t, v, m)
			if left := strings.HasPrefix(name, "left-"); left == ok {
				t.Errorf("ok = %v (%s), the file's name says otherwise", ok, why)
			}
		})
	}
}
