package waf

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// ruleEdit changes the text of a rule of CRS where the rule is read, for Coraza and for the screen alike.
type ruleEdit struct {
	rule int
	file string
	edit func(rule string) string // the text behind the rule's id
}

// ruleEdits are all changes that Wafer makes to CRS. Each takes false positives away that have one
// cause, and none of the attacks: docs/security.md has the figures.
func ruleEdits() []ruleEdit {
	const (
		rce     = "@owasp_crs/REQUEST-932-APPLICATION-ATTACK-RCE.conf"
		php     = "@owasp_crs/REQUEST-933-APPLICATION-ATTACK-PHP.conf"
		generic = "@owasp_crs/REQUEST-934-APPLICATION-ATTACK-GENERIC.conf"
		xss     = "@owasp_crs/REQUEST-941-APPLICATION-ATTACK-XSS.conf"
		sqli    = "@owasp_crs/REQUEST-942-APPLICATION-ATTACK-SQLI.conf"
	)
	return []ruleEdit{
		// 942550 looks for quotes and brackets as SQL's JSON operators have them, and finds every JSON text
		// that stands inside an argument or a cookie. It sees what the strings of such a text say.
		{942550, sqli, transformed("t:none,t:urlDecodeUni,", transform.WithoutJSON)},
		// Variables of GraphQL, such as $in and $first, are operators of MongoDB to 942290, and a selection
		// such as { id } is a command in a group to 932235.
		{942290, sqli, transformed("t:none,t:urlDecodeUni,", transform.WithoutGraphQL)},
		{932235, rce, transformed("t:none,", transform.WithoutGraphQL)},
		// ${GDPR} is a macro of advertisers that nobody has replaced.
		{932130, rce, transformed("t:none,", transform.WithoutMacros)},
		{933135, php, transformed("t:none,", transform.WithoutMacros)},
		// libinjection takes two things for a number and a comment. The US privacy string 1--- says that a
		// law does not apply. Signed cookies, as Rails and others write them, are Base64, two dashes and a
		// hash; there is nothing in Base64 that SQL could be made of, as long as = stands at its end.
		{942100, sqli, unless(`^(?:1[YNyn-]{3}|[0-9A-Za-z+/_%-]+(?:=|%3[Dd]){0,2}--[0-9a-f]{40}(?:[0-9a-f]{24})?)$`)},
		// A picture that a script has drawn is sent as a URL of scheme data in Base64, which is a command, too.
		{932235, rce, transformed("t:none,", transform.WithoutPicture)},
		{932260, rce, transformed("t:none,", transform.WithoutPicture)},
		{934170, generic, transformed("t:none,", transform.WithoutPicture)},
		{941130, xss, transformed("t:none,", transform.WithoutPicture)},
		{941170, xss, transformed("t:none,", transform.WithoutPicture)},
	}
}

// transformed puts a transformation of ours behind those that a rule begins with.
func transformed(first, name string) func(string) string {
	return func(rule string) string { return strings.Replace(rule, first, first+"t:"+name+",", 1) }
}

// unless has a rule score only if one of the values that it matches is none of those of a pattern. What
// scores goes to the end of the chain, as it does in all chains of CRS.
func unless(pattern string) func(string) string {
	const setvar = "    setvar:"
	return func(rule string) string {
		at := strings.Index(rule, setvar)
		if at < 0 {
			return rule
		}
		return rule[:at] + "    chain\"\n    SecRule MATCHED_VARS \"!@rx " + pattern + "\" \\\n    \"t:none,\\\n" + rule[at:]
	}
}

// crs are the files of CRS, with Wafer's changes.
type crs struct {
	fs.FS
	edited map[string][]byte // the text of each file that is changed
	err    error             // why they could not be changed
	levels *leveledFiles
}

// leveledFiles remembers the files of CRS for some levels, since policies with the same levels have the same.
type leveledFiles struct {
	mu   sync.Mutex
	made map[string]*leveled // by folder
}

// mostLeveled bounds how many are remembered: with each other settings there are others.
const mostLeveled = 8

// leveled are the files of CRS for the levels of a policy.
type leveled struct {
	files map[string][]byte
	gone  map[int]bool // rules that are taken out
	left  string       // all text that is left
}

// rules returns the files that policies are compiled from.
var rules = sync.OnceValue(func() crs { return editedRules(coreruleset.FS) })

func editedRules(files fs.FS) crs {
	c := crs{FS: files, edited: map[string][]byte{}, levels: &leveledFiles{made: map[string]*leveled{}}}
	for _, e := range ruleEdits() {
		text, ok := c.edited[e.file]
		if !ok {
			if text, c.err = fs.ReadFile(files, e.file); c.err != nil {
				return c
			}
		}
		head, rule, found := strings.Cut(string(text), fmt.Sprintf("\"id:%d,", e.rule))
		end := strings.Index(rule, "\nSec")
		if !found || end < 0 || e.edit(rule[:end]) == rule[:end] {
			c.err = fmt.Errorf("%s: rule %d is not as expected: what is changed in it is not there", e.file, e.rule)
			return c
		}
		c.edited[e.file] = fmt.Appendf(nil, "%s\"id:%d,%s%s", head, e.rule, e.edit(rule[:end]), rule[end:])
	}
	return c
}

func (c crs) Open(name string) (fs.File, error) {
	if c.err != nil {
		return nil, c.err
	}
	texts := c.edited
	folder, rest, _ := strings.Cut(name, "/")
	if l, ok := parseLevels(folder); ok {
		name = strings.TrimSuffix(crsFolder+"/"+rest, "/")
		texts = c.leveled(l).files
	}
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if text, ok := texts[name]; ok {
		return &editedFile{f, bytes.NewReader(text), int64(len(text))}, nil
	}
	return f, nil
}

// leveled returns the files for some levels.
func (c crs) leveled(l levels) *leveled {
	c.levels.mu.Lock()
	defer c.levels.mu.Unlock()
	made := c.levels.made
	if made[l.folder()] == nil {
		if len(made) == mostLeveled {
			clear(made)
		}
		made[l.folder()] = l.files(c)
	}
	return made[l.folder()]
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
