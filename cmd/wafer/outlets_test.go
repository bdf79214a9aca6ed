package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
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
		"nobody": nil, "some": {"file", "stdout"}, "records": {"recorder"}, "all": {"recorder", "file", "sink", "stdout", "log"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []string
				var mu sync.Mutex
				one := func(name string) outlet { return &ended{name, slices.Contains(stuck, name), &told, &mu} }
				d := outlets{all: []outlet{inTurn{one("recorder"), one("file")}, one("sink"), one("stdout")}, log: one("log")}
				began := time.Now() // of a clock that stands still unless everybody sleeps
				d.close()
				most := outputsFlush
				if slices.Contains(stuck, "log") {
					most += sayFlush
				}
				if took := time.Since(began); took > most {
					t.Errorf("it takes %s, at most %s", took, most)
				}
				if len(told) != 5 || slices.Index(told, "recorder") > slices.Index(told, "file") || told[4] != "log" {
					t.Errorf("ended in the order %q", told)
				}
				if name == "records" && slices.Index(told, "sink") > slices.Index(told, "recorder") {
					t.Errorf("a sink waits for records that it does not get: %q", told)
				}
			})
		})
	}
}

// TestOutletsTellWhatIsLost has the log say which of them has not got rid of what.
func TestOutletsTellWhatIsLost(t *testing.T) {
	var out bytes.Buffer
	o := outlets{
		all: []outlet{inTurn{called{failing{}, "records"}, called{failing{}, "file of records"}}, called{failing{}, "sink archive"}}, log: failing{}, tell: zerolog.New(zerolog.SyncWriter(&out)),
	}
	o.close()
	for _, want := range []string{"records: 3 not delivered", "file of records: 3 not delivered", "sink archive: 3 not delivered"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not told: %s", want, out.String())
		}
	}
}

// failing is an outlet that loses what it has.
type failing struct{}

func (failing) Close(time.Duration) error { return errors.New("3 not delivered") }
