package snapshot

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/waf"
)

// problemsOf are what is wrong with the configuration, according to an error about what stands under a key
// path: mistakes in rule text and exclusions each have a place of their own.
func problemsOf(c *config.Routes, path string, err error) (ps config.Problems) {
	var mistakes waf.Mistakes
	if !errors.As(err, &mistakes) {
		p := c.At(path)
		p.What = err.Error()
		return config.Problems{p}
	}
	for _, m := range mistakes {
		var p config.Problem
		switch {
		case m.File != "":
			p = c.InFile(m.Source, m.File, m.Line)
		case m.Key != "":
			p = c.At(m.Source + "." + m.Key)
		default:
			p = c.InText(m.Source, m.Line)
		}
		if p.What = m.What; m.First != (waf.Place{}) {
			p.What += " " + placeOf(c.InText(m.First.Source, m.First.Line))
		}
		ps = append(ps, p)
	}
	return ps
}

// placeOf names a place that a problem speaks of.
func placeOf(p config.Problem) string {
	if p.File == "" || p.Line == 0 {
		return p.Path
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Mistakes finds what is wrong with own rules, exclusions and files of TLS of a configuration that cannot be built,
// because something else is wrong with it.
func Mistakes(c *config.Routes) (ps config.Problems) {
	report := func(path string, err error) { ps = append(ps, problemsOf(c, path, err)...) }
	authoritiesOf(c.Routes, report)
	for i, u := range c.Upstreams {
		if t := upstreamTLS(u.TLS); u.TLS != nil && !u.TLS.Unread {
			reportSettings(fmt.Sprintf("upstreams[%d]", i), t.Check(), report)
		}
	}
	for i := range c.Policies {
		if ms := wafPolicy(c.Policies[i]).Mistakes(); len(ms) > 0 {
			ps = append(ps, problemsOf(c, "", ms)...)
		}
	}
	return unique(ps)
}

// Complete adds the mistakes of a configuration to the problems that it was loaded with. Other errors stay as
// they are.
func Complete(c *config.Routes, err error) error {
	var ps config.Problems
	if c == nil || !errors.As(err, &ps) {
		return err
	}
	all := slices.Clone(ps)
	for _, m := range Mistakes(c) {
		if !slices.ContainsFunc(ps, func(p config.Problem) bool { return follows(m, p) }) {
			all = append(all, m)
		}
	}
	all.Sort()
	return all
}

// follows reports whether a mistake is only what another problem leads to: what could not be read, there or in what
// stands around it, has no value that anything could be said about.
func follows(m, p config.Problem) bool {
	switch {
	case m.File != p.File || p.Path == "":
		return false
	case m.Path == p.Path:
		return m.TextLine == 0 // lines of rule text share a path, and each has mistakes of its own
	}
	return p.Path == m.Path+".file" || strings.HasPrefix(m.Path, p.Path+".") || strings.HasPrefix(m.Path, p.Path+"[")
}

// unique leaves out what heirs of a policy say once more.
func unique(ps config.Problems) config.Problems {
	seen := map[config.Problem]bool{}
	return slices.DeleteFunc(ps, func(p config.Problem) bool {
		again := seen[p]
		seen[p] = true
		return again
	})
}
