package waf

import (
	"bytes"
	"fmt"
	"io/fs"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// ruleEdit changes the text of a rule of CRS where the rule is read, for Coraza and for the screen alike.
type ruleEdit struct {
	rule     int
	file     string
	old, new string // old stands once in the file
}

// ruleEdits are all changes that Wafer makes to CRS. Each takes false positives away that have one
// cause, and none of the attacks: docs/security.md has the figures.
func ruleEdits() []ruleEdit {
	const (
		rce  = "@owasp_crs/REQUEST-932-APPLICATION-ATTACK-RCE.conf"
		php  = "@owasp_crs/REQUEST-933-APPLICATION-ATTACK-PHP.conf"
		sqli = "@owasp_crs/REQUEST-942-APPLICATION-ATTACK-SQLI.conf"
	)
	return []ruleEdit{
		// 942550 looks for quotes and brackets as SQL's JSON operators have them, and finds every JSON text
		// that stands inside an argument or a cookie. It sees what the strings of such a text say.
		transformed(942550, sqli, "t:none,t:urlDecodeUni,", transform.WithoutJSON),
		// Variables of GraphQL, such as $in and $first, are operators of MongoDB to 942290, and a selection
		// such as { id } is a command in a group to 932235.
		transformed(942290, sqli, "t:none,t:urlDecodeUni,", transform.WithoutGraphQL),
		transformed(932235, rce, "t:none,", transform.WithoutGraphQL),
		// Advertisers write 1---, which says that a law does not apply, and ${GDPR}, a macro.
		transformed(942100, sqli, "t:none,", transform.WithoutConsent),
		transformed(932130, rce, "t:none,", transform.WithoutConsent),
		transformed(933135, php, "t:none,", transform.WithoutConsent),
	}
}

// transformed is an edit that puts a transformation of ours behind the first that a rule has.
func transformed(rule int, file, first, name string) ruleEdit {
	old := fmt.Sprintf("\"id:%d,\\\n    phase:2,\\\n    block,\\\n    capture,\\\n    %s", rule, first)
	return ruleEdit{rule, file, old, old + "t:" + name + ","}
}

// crs are the files of CRS, with Wafer's changes.
type crs struct{ fs.FS }

// rules returns the files that policies are compiled from.
func rules() fs.FS { return crs{coreruleset.FS} }

func (c crs) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	text, err := c.edited(name)
	if text == nil || err != nil {
		return f, err
	}
	return &editedFile{f, bytes.NewReader(text), int64(len(text))}, nil
}

// edited is the text of a file that is changed; nil for others.
func (c crs) edited(name string) ([]byte, error) {
	var text []byte
	for _, e := range ruleEdits() {
		if e.file != name {
			continue
		}
		if text == nil {
			var err error
			if text, err = fs.ReadFile(c.FS, name); err != nil {
				return nil, err
			}
		}
		if n := bytes.Count(text, []byte(e.old)); n != 1 {
			return nil, fmt.Errorf("%s: rule %d is not as expected: what is changed in it stands there %d times", name, e.rule, n)
		}
		text = bytes.Replace(text, []byte(e.old), []byte(e.new), 1)
	}
	return text, nil
}

// editedFile is a file with another content.
type editedFile struct {
	fs.File
	content *bytes.Reader
	size    int64
}

func (f *editedFile) Read(p []byte) (int, error) { return f.content.Read(p) }

func (f *editedFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return editedInfo{info, f.size}, err
}

type editedInfo struct {
	fs.FileInfo
	size int64
}

func (i editedInfo) Size() int64 { return i.size }

// register gives Coraza the operators and the transformations that our rules use. Its registry is one for the
// process.
var register = sync.OnceFunc(func() {
	registerOperators()
	for _, own := range transform.Own() {
		plugins.RegisterTransformation(own.Name(), func(s string) (string, bool, error) {
			out, changed := own.Apply(s, new(transform.Buffer))
			return out, changed, nil
		})
	}
})
