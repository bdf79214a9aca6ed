package config

import (
	"path/filepath"
	"regexp"
	"strings"
)

// readRules puts the text of rule files into Inline, and what operators read into Files.
func (l *loader) readRules(path string, rules []Rules) {
	for i := range rules {
		r, at := &rules[i], indexPath(path, i)
		doc, _ := l.doc.find(at)
		dir := filepath.Dir(doc.file)
		r.Source, r.Key = at, at
		if !l.exactlyOne(at, "inline", r.Inline, "file", r.File) {
			continue
		}
		if r.File != "" {
			text, err := l.file(dir, r.File)
			if err != nil {
				l.add(at+".file", "%s", err)
				r.Inline = "-" // nothing more to say about it
				continue
			}
			if strings.TrimSpace(text) == "" {
				l.add(at+".file", "%s is empty", r.File)
			}
			r.Inline, r.Source = text, r.File
			l.routes.ruleFiles[at] = filepath.Join(dir, filepath.Clean(r.File))
		}
		l.readOperatorFiles(r, dir)
	}
}

// readDescriptors reads the file of a descriptor set. What is inherited was read before.
func (l *loader) readDescriptors(path string, g *GRPC) {
	at := path + ".descriptors"
	if !l.doc.has(at) || g.Descriptors == "" {
		return
	}
	doc, _ := l.doc.find(at)
	g.Source = path
	var err error
	if g.Set, err = l.file(filepath.Dir(doc.file), g.Descriptors); err != nil {
		l.add(at, "%s", err)
	} else if g.Set == "" {
		l.add(at, "%s is empty", g.Descriptors)
	}
}

// fileOperator matches an operator of SecLang that reads a file.
var fileOperator = regexp.MustCompile(`(?i)@(pmFromFile|pmf|ipMatchFromFile|ipMatchF|validateSchema)[ \t]+([^"]*[^"\s])`)

// readOperatorFiles reads the files that operators in rule text name, relative to the route file. Names that
// begin with @ are those of files that the engine has.
func (l *loader) readOperatorFiles(r *Rules, dir string) {
	for n, line := range strings.Split(r.Inline, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, m := range fileOperator.FindAllStringSubmatch(line, -1) {
			if strings.HasPrefix(m[2], "@") {
				continue
			}
			text, err := l.file(dir, m[2])
			if err != nil {
				p := l.routes.InText(r.Key, n+1)
				p.What = "@" + m[1] + ": " + err.Error()
				l.problems = append(l.problems, p)
				text = "-" // nothing more to say about it
			}
			if r.Files == nil {
				r.Files = map[string]string{}
			}
			r.Files[filepath.ToSlash(filepath.Clean(m[2]))] = text
		}
	}
}
