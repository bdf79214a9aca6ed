package feed

import (
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	c := Config{Every: time.Hour}
	for name, w := range map[string]struct {
		atOnce   bool
		failures int
		err      error
		random   float64
		want     time.Duration
	}{
		"a good look":                   {random: 0.5, want: time.Hour},
		"early":                         {random: 0, want: 54 * time.Minute},
		"late":                          {random: 1, want: 66 * time.Minute},
		"what is of an earlier process": {atOnce: true, random: 0.5, want: 5 * time.Second},
		"the first in vain":             {failures: 1, random: 0.5, want: 10 * time.Second},
		"the third":                     {failures: 3, random: 0.5, want: 40 * time.Second},
		"many":                          {failures: 1000, random: 0.5, want: time.Hour},
		"told to wait":                  {failures: 1, err: &statusError{429, 5 * time.Minute}, random: 0.5, want: 5 * time.Minute},
		"told to wait for days":         {failures: 1, err: &statusError{503, 24 * time.Hour}, random: 0.5, want: time.Hour},
	} {
		if got := c.wait(w.atOnce, w.failures, w.err, w.random); got != w.want {
			t.Errorf("%s: %s, want %s", name, got, w.want)
		}
	}
}
