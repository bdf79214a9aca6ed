package waf

import (
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
	edit func(rule string) string // the text of the rule
}

// ruleEdits are all changes that Wafer makes to CRS. Each takes false positives away that have one
// cause, and none of the attacks: docs/security.md has the figures.
func ruleEdits() []ruleEdit {
	const (
		request = "@owasp_crs/REQUEST-920-PROTOCOL-ENFORCEMENT.conf"
		parts   = "@owasp_crs/REQUEST-922-MULTIPART-ATTACK.conf"
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
		// Variables of GraphQL, such as $in and $first, are operators of MongoDB to 942290, fields such as
		// user(id: 1) a function of SQL to 942190, and a selection such as { id } or { update } is a command
		// in a group to 932235 and 932370.
		{942290, sqli, transformed("t:none,t:urlDecodeUni,", transform.WithoutGraphQL)},
		{942190, sqli, transformed("t:none,t:urlDecodeUni,", transform.WithoutGraphQL)},
		{932235, rce, transformed("t:none,", transform.WithoutGraphQL)},
		{932370, rce, transformed("t:none,", transform.WithoutGraphQL)},
		// ${GDPR} is a macro of advertisers that nobody has replaced.
		{932130, rce, transformed("t:none,", transform.WithoutMacros)},
		{933135, php, transformed("t:none,", transform.WithoutMacros)},
		// libinjection takes two things for a number and a comment. The US privacy string 1--- says that a
		// law does not apply. Signed cookies, as Rails and others write them, are Base64, two dashes and a
		// hash; there is nothing in Base64 that SQL could be made of, as long as = stands at its end.
		{942100, sqli, unless(`^(?:1[YNyn-]{3}|[0-9A-Za-z+/_%-]+(?:=|%3[Dd]){0,2}--[0-9a-f]{40}(?:[0-9a-f]{24})?)$`)},
		// These look for what parsers of multipart bodies read in several ways, which Wafer's own reading
		// refuses. So the apostrophe of a name, as in Bob's.pdf, is no quotation mark in a file's name; a
		// colon behind a header field's own, as in name="form:file", begins no other field; and a transfer
		// encoding that changes nothing is what Java's clients write into every part.
		{920120, request, replaced(`^(?:&(?:`, `^(?:[^\"';=\x5c]*[a-z]'[a-z\x80-\xff](?:[\w.,\x80-\xff]|[ -][\w.,\x80-\xff]| - | ?\(\d{1,3}\))*$|&(?:`)},
		{922120, parts, unless(`(?i)^content-transfer-encoding:[ \t]*(?:7bit|8bit|binary)$`)},
		{922130, parts, replaced(`[^\x21-\x7E][\x21-\x39\x3B-\x7E]*:`, `^[^:]*[^\x21-\x7E][^:]*:`)},
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

// replaced puts a pattern in the place of another one, or of a part of it.
func replaced(old, pattern string) func(string) string {
	return func(rule string) string { return strings.Replace(rule, old, pattern, 1) }
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
	edited map[string]string // the text of each file that is changed
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
	files map[string]string
	gone  map[int]bool // rules that are taken out
}

// rules returns the files that policies are compiled from.
var rules = sync.OnceValue(func() crs { return editedRules(coreruleset.FS) })

func editedRules(files fs.FS) crs {
	c := crs{FS: files, edited: map[string]string{}, levels: &leveledFiles{made: map[string]*leveled{}}}
	for _, e := range ruleEdits() {
		text, ok := c.edited[e.file]
		if !ok {
			if text, c.err = readText(files, e.file); c.err != nil {
				return c
			}
		}
		begin, end := ruleAt(text, e.rule)
		rule := text[begin:end]
		if e.edit(rule) == rule {
			c.err = fmt.Errorf("%s: rule %d is not as expected: what is changed in it is not there", e.file, e.rule)
			return c
		}
		c.edited[e.file] = text[:begin] + e.edit(rule) + text[end:]
	}
	return c
}

func (c crs) Open(name string) (fs.File, error) {
	if c.err != nil {
		return nil, c.err
	}
	name, text, changed := c.changed(name)
	f, err := c.FS.Open(name)
	if err != nil || !changed {
		return f, err
	}
	return &editedFile{f, strings.NewReader(text)}, nil
}

// changed returns the name of a file where CRS has it, and its text if that is another one here.
func (c crs) changed(name string) (where, text string, ok bool) {
	texts := c.edited
	folder, rest, _ := strings.Cut(name, "/")
	if l, ok := parseLevels(folder); ok {
		name = strings.TrimSuffix(crsFolder+"/"+rest, "/")
		texts = c.leveled(l).files
	}
	text, ok = texts[name]
	return name, text, ok
}

// ReadText returns the text of a file, which all that read it have in common.
func (c crs) ReadText(name string) (string, error) {
	if c.err != nil {
		return "", c.err
	}
	name, text, changed := c.changed(name)
	if changed {
		return text, nil
	}
	return readText(c.FS, name)
}

func readText(files fs.FS, name string) (string, error) {
	text, err := fs.ReadFile(files, name)
	return string(text), err
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

// ruleAt finds a rule in a file, with what is chained to it; nothing if it is not there.
func ruleAt(text string, id int) (begin, end int) {
	const next = "\nSec"
	at := strings.Index(text, fmt.Sprintf("\"id:%d,", id))
	if at < 0 {
		return 0, 0
	}
	if end = strings.Index(text[at:], next); end < 0 {
		end = len(text) - at
	}
	return strings.LastIndex(text[:at], next) + 1, at + end
}

// editedFile is a file with another content.
type editedFile struct {
	fs.File
	content *strings.Reader
}

func (f *editedFile) Read(p []byte) (int, error) { return f.content.Read(p) }

func (f *editedFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return editedInfo{info, f.content.Size()}, err
}

type editedInfo struct {
	fs.FileInfo
	size int64
}

func (i editedInfo) Size() int64 { return i.size }

// register gives Coraza the operators, the actions and the transformations that our rules use. Its registry is one for the
// process.
var register = sync.OnceFunc(func() {
	registerOperators()
	registerActs()
	for _, own := range transform.Own() {
		plugins.RegisterTransformation(own.Name(), func(s string) (string, bool, error) {
			out, changed := own.Apply(s, new(transform.Buffer))
			return out, changed, nil
		})
	}
})
