package seclang

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Text is a piece of SecLang and what to call it.
type Text struct{ Source, Text string }

// Parse reads texts, in order, as one policy. Include and operators read files from root.
// Its errors name the source and the line of what is not understood.
func Parse(root fs.FS, texts []Text) (*Program, error) {
	p := parser{root: root, program: &Program{}, defaults: map[int][]Action{}}
	p.program.Settings = Settings{Engine: "On"}
	for _, t := range texts {
		if err := p.text(t.Source, "", t.Text); err != nil {
			return nil, err
		}
	}
	if p.chain != nil {
		return nil, fmt.Errorf("rule %d: its chain has no end", p.chain.ID)
	}
	return p.program, nil
}

// parser is the state of one Parse.
type parser struct {
	root     fs.FS
	program  *Program
	defaults map[int][]Action // by phase, of SecDefaultAction
	chain    *Rule            // whose next link is awaited; it is in program.Rules already
	includes int

	// where the directive at hand stands
	source, dir string
	line        int
}

// maxIncludes bounds Include, which may go in circles.
const maxIncludes = 100

// text reads the directives of a text.
func (p *parser) text(source, dir, text string) error {
	outer := *p
	p.source, p.dir, p.line = source, dir, 0
	defer func() { p.source, p.dir, p.line = outer.source, outer.dir, outer.line }()
	if err := p.lines(text); err != nil {
		return err
	}
	for s := range Spans(text) {
		p.line = s.Last
		if s.Open {
			return p.errorf("the last line is continued into nothing")
		}
		if err := p.directive(s.Text); err != nil {
			return err
		}
	}
	return nil
}

// lines finds what Coraza reads in another way than line by line.
func (p *parser) lines(text string) error {
	for raw := range strings.SplitSeq(text, "\n") {
		p.line++
		line := strings.TrimSpace(raw)
		switch {
		case len(raw) >= 64<<10: // where Coraza's scanner gives up
			return p.errorf("%d bytes in one line", len(raw))
		case line == "" || line[0] == '#':
		case line[0] == '`' || line[len(line)-1] == '`':
			return p.errorf("a data set is not understood")
		}
	}
	return nil
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("%s line %d: %s", p.source, p.line, fmt.Sprintf(format, args...))
}

// include reads the files that a pattern names. Other than a pattern, a name is relative
// to the file it stands in.
func (p *parser) include(pattern string) error {
	if p.includes++; p.includes > maxIncludes {
		return p.errorf("more than %d includes", maxIncludes)
	}
	names := []string{pattern}
	if strings.Contains(pattern, "*") {
		var err error
		if names, err = fs.Glob(p.root, pattern); err != nil {
			return p.errorf("include %s: %v", pattern, err)
		}
	} else if !strings.HasPrefix(pattern, "/") {
		names[0] = path.Join(p.dir, pattern)
	}
	for _, name := range names {
		text, err := readText(p.root, name)
		if err != nil {
			return p.errorf("include: %v", err)
		}
		if err := p.text(name, path.Dir(name), text); err != nil {
			return err
		}
	}
	return nil
}

// readText reads a file. What is parsed is parts of its text, which programs have in common if the
// files can be read so.
func readText(files fs.FS, name string) (string, error) {
	if f, ok := files.(interface {
		ReadText(name string) (string, error)
	}); ok {
		return f.ReadText(name)
	}
	text, err := fs.ReadFile(files, name)
	return string(text), err
}
