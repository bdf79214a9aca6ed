package waf

import (
	"fmt"
	"io/fs"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// This file takes out of CRS what a policy's paranoia levels and settings rule out, before anybody
// compiles it. CRS asks about them in every request, for every file and every phase, and takes the
// same way each time: that is a third of what Coraza spends on an attack, and three fifths of the rules
// are above paranoia level 1.

// levels are the paranoia levels of a policy, and the variables that it sets itself.
type levels struct {
	blocking, detection int
	set                 []string // names in TX, in lower case, sorted
}

// folder is where the file system of CRS has the files for these levels.
func (l levels) folder() string {
	return fmt.Sprintf("%s=%d=%d=%s", crsFolder, l.blocking, l.detection, strings.Join(l.set, ","))
}

const crsFolder = "@owasp_crs"

// parseLevels is the reverse of folder. It reports false for the folder of CRS itself.
func parseLevels(folder string) (l levels, ok bool) {
	parts := strings.Split(folder, "=")
	if len(parts) != 4 || parts[0] != crsFolder {
		return levels{}, false
	}
	var err, err2 error
	l.blocking, err = strconv.Atoi(parts[1])
	l.detection, err2 = strconv.Atoi(parts[2])
	l.set = strings.Split(parts[3], ",")
	return l, err == nil && err2 == nil
}

// crsFolder is the folder that the policy's text includes CRS from. Rules of its own may change what is
// ruled out here, or speak of rules that are taken out, and so may exclusions: it has all of CRS then.
func (p Policy) crsFolder() string {
	if len(p.RulesBefore)+len(p.RulesAfter) > 0 {
		return crsFolder
	}
	l := levels{blocking: p.BlockingParanoia, detection: p.DetectionParanoia}
	for _, m := range setvarRx.FindAllStringSubmatch(p.setupText(), -1) {
		l.set = append(l.set, strings.ToLower(m[1]))
	}
	slices.Sort(l.set)
	if len(p.Exclusions) > 0 && !l.keep(p.Exclusions) {
		return crsFolder
	}
	return l.folder()
}

var setvarRx = regexp.MustCompile(`setvar:'?tx\.([A-Za-z0-9_-]+)=([^,"]*)`)

// keep reports whether nothing of what exclusions name is taken out.
func (l levels) keep(exclusions []Exclusion) bool {
	files := rules().leveled(l)
	for _, x := range exclusions {
		if x.Tag != "" && !files.contain("tag:'"+x.Tag+"'") {
			return false
		}
		if from, to, ok := idRange(x.RuleIDs); ok && anyWithin(files.gone, from, to) {
			return false
		}
	}
	return true
}

// files cuts the files of CRS.
func (l levels) files(c crs) *leveled {
	names, _ := fs.Glob(c.FS, crsFolder+"/*.conf") // the pattern is well-formed
	out := &leveled{files: map[string]string{}, gone: map[int]bool{}}
	whole := map[string]string{}
	for _, name := range names {
		text, err := c.ReadText(name)
		if err != nil {
			continue // whoever compiles it reports that
		}
		whole[name], out.files[name] = text, l.cut(text, nil)
		for id := range idsIn(text) {
			out.gone[id] = true
		}
	}
	for _, left := range out.files {
		for id := range idsIn(left) {
			delete(out.gone, id)
		}
	}
	for name, left := range out.files {
		if strings.Contains(left, "SecRuleUpdateTargetById") {
			out.files[name] = l.cut(whole[name], out.gone)
		}
	}
	return out
}

// contain reports whether one of the files has a text.
func (f *leveled) contain(text string) bool {
	for _, file := range f.files {
		if strings.Contains(file, text) {
			return true
		}
	}
	return false
}

// idsIn yields the ids of the rules of a text.
func idsIn(text string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for {
			at := strings.Index(text, `"id:`)
			if at < 0 {
				return
			}
			text = text[at+len(`"id:`):]
			end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
			if id, err := strconv.Atoi(text[:max(end, 0)]); err == nil && !yield(id) {
				return
			}
		}
	}
}

var (
	// A question about a level, asked by a rule that does nothing but skip or count.
	guardRx = regexp.MustCompile(`^SecRule TX:DETECTION_PARANOIA_LEVEL "@lt (\d)" "id:\d+,phase:\d,pass,nolog,tag:'OWASP_CRS',ver:'[^']*',skipAfter:([A-Z0-9-]+)"$`)
	scoreAt = regexp.MustCompile(`^SecRule TX:(BLOCKING|DETECTION)_PARANOIA_LEVEL "@ge (\d)"`)
	// A variable that gets a value if it has none.
	presetRx = regexp.MustCompile(`^SecRule &TX:([A-Za-z0-9_]+) "@eq 0" "id:\d+,phase:1,pass,nolog,tag:'OWASP_CRS',ver:'[^']*',setvar:'tx\.([A-Za-z0-9_]+)=[^']*'"$`)
	updateRx = regexp.MustCompile(`^SecRuleUpdateTargetById (\d+) `)
	markerRx = regexp.MustCompile(`^SecMarker "([^"]+)"$`)
)

// asking are the beginnings of directives that the levels may rule out; few are.
var asking = []string{"SecRule TX:", "SecRule &TX:", "SecMarker ", "SecRuleUpdateTargetById "}

// cut returns the text of a file of CRS without what the levels rule out, and without updates of rules that
// are gone. Each directive is on a line of its own.
func (l levels) cut(text string, gone map[int]bool) string {
	var out []string
	presets := presets{l: l}
	skipTo := ""
	for s := range seclang.Spans(text) {
		d := s.Text
		asks := slices.ContainsFunc(asking, func(begin string) bool { return strings.HasPrefix(d, begin) })
		if skipTo != "" {
			if m := markerRx.FindStringSubmatch(d); !asks || len(m) == 0 || m[1] != skipTo {
				continue
			}
			skipTo = ""
		}
		if !asks {
			out = append(presets.flush(out), d)
			continue
		}
		if m := guardRx.FindStringSubmatch(d); m != nil {
			if level, _ := strconv.Atoi(m[1]); level > l.detection {
				skipTo = m[2]
			}
			continue
		}
		if m := scoreAt.FindStringSubmatch(d); len(m) > 0 && l.never(m[1], m[2]) {
			continue
		}
		if m := presetRx.FindStringSubmatch(d); len(m) > 0 && m[1] == m[2] {
			presets.add(m[1], d)
			continue
		}
		if m := updateRx.FindStringSubmatch(d); m != nil {
			if id, _ := strconv.Atoi(m[1]); gone[id] {
				continue
			}
		}
		out = append(presets.flush(out), d)
	}
	return strings.Join(withoutMarkers(presets.flush(out)), "\n") + "\n"
}

// never reports whether a level is below what is asked for.
func (l levels) never(which, least string) bool {
	level := l.detection
	if which == "BLOCKING" {
		level = l.blocking
	}
	n, _ := strconv.Atoi(least)
	return level < n
}

// presets are variables without a value, in rules that follow each other. One action sets all of them.
type presets struct {
	l      levels
	action string
}

func (p *presets) add(name, rule string) {
	if slices.Contains(p.l.set, strings.ToLower(name)) {
		return
	}
	at := strings.Index(rule, "setvar:")
	setvar := strings.TrimSuffix(rule[at:], `"`)
	if p.action == "" {
		p.action = "SecAction " + rule[strings.Index(rule, `"id:`):at] + setvar
		return
	}
	p.action += "," + setvar
}

func (p *presets) flush(out []string) []string {
	if p.action != "" {
		out = append(out, p.action+`"`)
		p.action = ""
	}
	return out
}

// withoutMarkers takes markers out that nobody skips to. They are rules to Coraza, and evaluated.
func withoutMarkers(directives []string) []string {
	text := strings.Join(directives, "\n")
	return slices.DeleteFunc(directives, func(d string) bool {
		m := markerRx.FindStringSubmatch(d)
		return len(m) > 0 && !strings.Contains(text, "skipAfter:"+m[1])
	})
}
