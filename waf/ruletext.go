package waf

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// CRSRule is a rule of CRS as it is written.
type CRSRule struct {
	File string // its name, without the folder
	Line int
	Text string // with the rules that are chained to it, and Wafer's changes
}

// FindCRSRule looks for a rule of CRS. It goes through all files, for people who look at one event. The files come without
// the comments that CRS has.
func FindCRSRule(id int) (found CRSRule, ok bool) {
	all := rules()
	names, _ := fs.Glob(all.FS, crsFolder+"/*.conf") // the pattern is well-formed
	for _, name := range names {
		text, err := all.ReadText(name)
		if err != nil || !strings.Contains(text, fmt.Sprintf("\"id:%d,", id)) {
			continue
		}
		begin, end := ruleAt(text, id)
		return CRSRule{path.Base(name), 1 + strings.Count(text[:begin], "\n"), strings.TrimSpace(text[begin:end])}, true
	}
	return found, false
}
