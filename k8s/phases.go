package k8s

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Phase is a step of the insertion or of the way back.
type Phase struct {
	Name    string
	Verb    string // of kubectl: apply or delete
	Comment string
	Objects []any
}

// forPlain goes with every Service that changes its selector.
const forPlain = `
For plain kubectl apply, and as a patch of kustomize: the nulls take the old selector out. For kubectl apply
--server-side print it with --server-side too; that form as a patch would select nothing.`

// Phases are the steps of the insertion, in order.
func (p *Plan) Phases() []Phase {
	return []Phase{
		{"prepare", "apply", `Phase prepare: the application gets a second name, the tier gets its routes. Nothing changes for callers.
Wait until every pod of the tier has the routes: a request that comes earlier gets 404.`, p.Prepare},
		{"switch", "apply", `Phase switch: new connections go to the tier. Connections that clients keep open stay with the
application, uninspected, until one side closes them.` + p.plain(), p.Switch},
		{"close", "apply", `Phase close: nobody but the tier reaches the application any more. Ports of the pods that are not
named here are closed too, unless another NetworkPolicy opens them. Probes of the kubelet still arrive.`, p.Close},
	}
}

// UndoPhases are the steps of the way back, in order.
func (p *Plan) UndoPhases() []Phase {
	var origins []any
	for _, o := range p.Prepare {
		if s, ok := o.(interface{ GetLabels() map[string]string }); ok && s.GetLabels()[protectsLabel] != "" {
			origins = append(origins, o)
		}
	}
	return []Phase{
		{"open", "delete", `Phase open, for kubectl delete: callers may reach the application again.`, p.Close},
		{"switch", "apply", `Phase switch: new connections go to the application.` + p.plain(), p.Undo},
		{"forget", "apply", `Phase forget, once no request comes through the tier any more: its routes go.`, p.Forget},
		{"clean", "delete", `Phase clean, for kubectl delete: the application's second name goes.`, origins},
	}
}

// plain says how to apply what changes a selector.
func (p *Plan) plain() string {
	for _, o := range p.Switch {
		if s, ok := o.(*instead); ok && !s.serverSide {
			return forPlain
		}
	}
	return ""
}

// Write prints one phase of the insertion, or all of them if the name is empty, after what
// is left to decide.
func (p *Plan) Write(w io.Writer, name string) error {
	if len(p.Protected) == 0 {
		return nil
	}
	return WriteYAML(w, append([]Section{{Comment: p.decisions()}}, sections(p.Phases(), name)...)...)
}

// WriteUndo prints one phase of the way back.
func (p *Plan) WriteUndo(w io.Writer, name string) error {
	return WriteYAML(w, sections(p.UndoPhases(), name)...)
}

func sections(phases []Phase, name string) []Section {
	var out []Section
	for _, ph := range phases {
		if len(ph.Objects) > 0 && (name == "" || ph.Name == name) {
			out = append(out, Section{ph.Comment, ph.Objects})
		}
	}
	return out
}

// WriteUndoPlan prints the way back as comments: two of its steps are for kubectl delete,
// so there is nothing that kubectl could be given as a whole.
func (p *Plan) WriteUndoPlan(w io.Writer) error {
	text := "The way back from " + strings.Join(p.Protected, ", ") + ": the same command with\n"
	for _, ph := range p.UndoPhases() {
		if len(ph.Objects) > 0 {
			text += fmt.Sprintf("  --undo --phase %-6s | kubectl %s -f -\n", ph.Name, ph.Verb)
		}
	}
	return WriteYAML(w, Section{Comment: text})
}

func (p *Plan) decisions() string {
	var lines []string
	for _, n := range p.Notes {
		if n.Level == Decide {
			lines = append(lines, "- "+n.Object+": "+n.Text)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(slices.Concat([]string{"To decide, before this is applied:"}, lines), "\n") + "\n"
}
