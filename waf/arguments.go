package waf

import "github.com/wafer-waf/wafer/waf/reading"

// Arguments returns the texts of those arguments, of the query and of the body, whose names are selected: of each
// reading, since an application may have any of them. It reports whether all of the body was read. The texts are
// valid until Finish.
func (t *Transaction) Arguments(selects func(name string) bool) (found []string, whole bool) {
	v := t.read.values
	if v == nil {
		return nil, false
	}
	for _, kind := range []reading.Kind{reading.ArgsPost, reading.ArgsGet} {
		for _, one := range v.Of(kind) {
			if selects(one.Key) {
				found = append(found, one.Text)
			}
		}
	}
	return found, t.whole && v.Uninspected() == "" && v.Text(reading.ReqbodyError) != "1" && v.Text(reading.ArgumentsLimitReached) != "1"
}
