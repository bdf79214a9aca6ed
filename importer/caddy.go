package importer

import (
	"net/url"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
)

// caddySites makes sites of the blocks of a Caddyfile with Coraza's module.
func caddySites(t Text) ([]Site, Notes) {
	c := &caddy{name: t.Name, snippets: map[string][]block{}}
	for _, b := range caddyGrammar().blocks(t.Text) {
		switch name := b.name(); {
		case name == "": // global options
		case strings.HasPrefix(name, "(") && strings.HasSuffix(name, ")"):
			c.snippets[strings.Trim(name, "()")] = b.body
		default:
			s := Site{Where: t.Name + ": " + name, Off: true}
			for _, w := range b.words {
				if host := caddyHost(strings.Trim(w.text, ",")); host != "" {
					s.Hosts = append(s.Hosts, host)
				}
			}
			if len(s.Hosts) > 0 {
				s.ID = s.Hosts[0]
			}
			c.walk(b.body, s, 0)
		}
	}
	return c.sites, c.notes
}

type caddy struct {
	name     string
	snippets map[string][]block
	imports  int // of them
	sites    []Site
	notes    Notes
}

// caddyHost is the host of an address; empty: any.
func caddyHost(address string) string {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || strings.Contains(address, "{") {
		return ""
	}
	return u.Hostname()
}

// walk reads a block. What stands in it holds for the blocks within it.
func (c *caddy) walk(list []block, s Site, depth int) {
	s.Texts = append([]Text(nil), s.Texts...)
	matchers := map[string]*block{}
	var all []block
	for _, b := range list {
		if b.name() == "import" && len(b.words) > 1 && depth < maxDepth && c.imports < maxIncludes {
			c.imports++
			all = append(all, c.snippets[b.words[1].text]...)
			continue
		}
		all = append(all, b)
	}
	leads := false
	for i := range all {
		b := &all[i]
		switch {
		case strings.HasPrefix(b.name(), "@"):
			matchers[b.name()] = b
		case b.name() == "coraza_waf":
			c.waf(b, &s)
		case b.name() == "reverse_proxy":
			leads = true
			c.lead(b, &s)
		case b.name() == "basicauth" || b.name() == "basic_auth" || b.name() == "forward_auth" || b.name() == "redir" || b.name() == "rewrite" || b.name() == "uri":
			c.notes.Add(Decide, c.at(b), "%s is not carried: what it does has to be done in front of the tier, or by routes and rules", b.name())
		}
	}
	if leads {
		c.sites = append(c.sites, s)
	}
	for i := range all {
		b := &all[i]
		switch b.name() {
		case "handle", "handle_path", "route":
			inner := s
			if args := b.args(); len(args) > 0 && !c.paths(args[0], matchers, &inner) {
				c.notes.Add(Decide, c.at(b), "%s %s is left out: its matcher is not one of paths", b.name(), args[0])
				continue
			}
			c.walk(b.body, inner, depth+1)
		}
	}
}

func (c *caddy) at(b *block) string { return (&Text{Name: c.name, Line: 1}).at(b.words[0].line) }

// waf reads what Coraza is told.
func (c *caddy) waf(b *block, s *Site) {
	s.Off, s.Texts, s.CRS = false, nil, false
	for _, d := range b.body {
		switch {
		case d.name() == "directives" && len(d.words) > 1:
			s.Texts = append(s.Texts, Text{Name: c.name, Line: d.words[1].line, Text: d.words[1].text})
		case d.name() == "include" && len(d.words) > 1:
			s.Texts = append(s.Texts, Text{Name: c.name, Line: d.words[0].line, Text: "Include " + d.words[1].text})
		}
	}
}

// lead reads where a site leads to.
func (c *caddy) lead(b *block, s *Site) {
	s.To = nil
	args := b.args()
	for _, d := range b.body {
		if d.name() == "to" {
			args = append(args, d.args()...)
		}
	}
	for _, arg := range args {
		if strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, "@") || arg == "*" {
			continue // a matcher
		}
		to, err := endpoint(arg)
		if err != nil {
			c.notes.Add(Decide, c.at(b), "%v", err)
			continue
		}
		if len(s.To) > 0 && schemeOf(s.To[0]) != schemeOf(to) {
			c.notes.Add(Decide, c.at(b), "%s is not carried beside %s: the endpoints of an upstream speak one protocol", to, s.To[0])
			continue
		}
		s.To, s.Verifies = append(s.To, to), true
	}
}

// paths reads a matcher.
func (c *caddy) paths(arg string, matchers map[string]*block, s *Site) bool {
	list := []string{arg}
	if m := matchers[arg]; m != nil {
		w := m.args()
		if len(m.body) == 1 {
			w = append([]string{m.body[0].name()}, m.body[0].args()...)
		}
		if len(w) < 2 || w[0] != "path" {
			return false
		}
		list = w[1:]
	} else if strings.HasPrefix(arg, "@") {
		return false
	}
	s.Paths = nil
	for _, p := range list {
		prefix, isPrefix := strings.CutSuffix(p, "*")
		switch {
		case !strings.HasPrefix(p, "/") || strings.Contains(prefix, "*"):
			return false
		case isPrefix && strings.Trim(prefix, "/") == "":
		case isPrefix:
			s.Paths = append(s.Paths, file.PathMatch{Prefix: "/" + strings.Trim(prefix, "/")})
		default:
			s.Paths = append(s.Paths, file.PathMatch{Exact: p})
		}
	}
	s.Where += " " + strings.Join(list, " ")
	s.ID += strings.ReplaceAll(strings.Trim(list[0], "*"), "/", "-")
	return true
}
