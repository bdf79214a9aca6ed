package record

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

// TestLongLine has lines that are longer than a limit, however long: to read them takes no more than a few times the limit.
func TestLongLine(t *testing.T) {
	const limit = 8 << 20
	line := strings.Repeat("x", 64<<10)
	for _, pieces := range []int{limit/len(line) - 1, 40 * limit / len(line)} {
		var from []io.Reader
		for range pieces {
			from = append(from, strings.NewReader(line))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := newReader(io.MultiReader(append(from, strings.NewReader("\n"))...), limit).Next()
		runtime.ReadMemStats(&after)
		var bad *LineError
		if !errors.As(err, &bad) {
			t.Fatal(err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 3*limit {
			t.Errorf("a line of %d bytes took %d of memory, with a limit of %d", pieces*len(line), took, limit)
		}
	}
}
