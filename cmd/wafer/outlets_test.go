package main

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// ended is an outlet that takes all the time that it gets, or does not need any.
type ended struct {
	name  string
	stuck bool
	told  *[]string
	mu    *sync.Mutex
}

func (e *ended) Close(timeout time.Duration) error {
	if e.stuck {
		time.Sleep(timeout)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	*e.told = append(*e.told, e.name)
	return nil
}

func TestOutletsEndTogether(t *testing.T) {
	for name, stuck := range map[string][]string{
		"nobody": nil, "others": {"sink", "stdout"}, "makers": {"recorder"}, "all": {"recorder", "sink", "stdout", "log"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []string
				var mu sync.Mutex
				one := func(name string) outlet { return &ended{name, slices.Contains(stuck, name), &told, &mu} }
				d := outlets{makers: []outlet{one("recorder")}, others: []outlet{one("sink"), one("stdout")}, log: one("log")}
				began := time.Now() // of a clock that stands still unless everybody sleeps
				d.close()
				most := outputsFlush
				if slices.Contains(stuck, "log") {
					most += sayFlush
				}
				if took := time.Since(began); took > most {
					t.Errorf("it takes %s, at most %s", took, most)
				}
				if len(told) != 4 || told[0] != "recorder" || told[3] != "log" {
					t.Errorf("ended in the order %q", told)
				}
			})
		})
	}
}
