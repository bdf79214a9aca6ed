package screen

import (
	"sync"

	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// workspace is the memory that a value needs while it is looked at, much if the value is
// large. Workspaces are lent, so that there are about as many as processors, and not as many
// as requests that wait for their bodies or their responses.
type workspace struct {
	buffer  transform.Buffer
	scratch prefilter.Scratch
	texts   []text
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// acquire borrows a workspace before a phase.
func (r *Run) acquire() {
	r.workspace = workspaces.Get().(*workspace)
	r.eval.buffer = &r.workspace.buffer
}

// release returns the workspace: a run that waits for the next phase has none.
func (r *Run) release() {
	w := r.workspace
	r.workspace, r.eval.buffer = nil, nil
	w.buffer.Reset()
	w.scratch.Take("", 0)
	clear(w.texts[:cap(w.texts)])
	workspaces.Put(w)
}
