package screen

import (
	"runtime"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// A screen has to fit beside the engine: at most 48 MiB for the first one, with everything
// made that values may need, and much less for one that has expressions in common with
// another.
func TestMemory(t *testing.T) {
	texts := []Text{{Source: "setup", Text: benchSetup}, {Source: "crs", Text: "Include @owasp_crs/*.conf"}}
	texts[0].Text += "\nSecAction \"id:900001,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level=4\""
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	c := NewCompiler(coreruleset.FS)
	var screens []*Screen
	for _, limit := range []int64{48 << 20, 16 << 20} {
		before := heap()
		s, err := c.Compile(texts, nil)
		if err != nil {
			t.Fatal(err)
		}
		screens = append(screens, s)
		fill(s)
		grown := heap() - before
		if grown > limit {
			t.Errorf("%d bytes, want at most %d", grown, limit)
		}
		t.Logf("%d KiB at paranoia level 4", grown>>10)
	}
	runtime.KeepAlive(screens)
}

// fill has everything made that a screen makes when values first need it: for each view and for
// values of each alphabet.
func fill(s *Screen) {
	r := s.Begin(new(reading.Values))
	defer r.End()
	r.acquire()
	for _, view := range s.index.views {
		for _, value := range []string{"a", "1", "a b", "a: b", "a?b", "a;b", "<a>", "$a"} {
			r.scratch.Take(value, byteset.Of(value))
			view.Possible(byteset.Of(value), 100)
			if view.Len() < scanForAll {
				view.Candidates(&r.scratch)
			}
			s.index.set.Scan(&r.scratch)
			view.Candidates(&r.scratch)
		}
	}
}
