package inspect

// Arguments returns the texts of those arguments of the request, of its query and of its body, whose names are
// selected, after its body was inspected. It reports whether all of the body was read. The texts are valid until End.
func (i *Inspection) Arguments(selects func(name string) bool) (found []string, whole bool) {
	if i.tx == nil || i.out.Coverage.Label != Full {
		return nil, false
	}
	return i.tx.Arguments(selects)
}
