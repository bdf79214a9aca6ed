package importer

import (
	"strings"

	"github.com/wafer-waf/wafer/config/file"
)

// apacheSites makes sites of the virtual hosts and locations of Apache with the ModSecurity module.
func apacheSites(t Text, open func(string) (Text, bool)) ([]Site, Notes) {
	a := &apache{name: t.Name, open: open, lines: strings.Split(t.Text, "\n")}
	whole := a.section(Site{Where: t.Name}, 0, len(a.lines))
	if len(a.sites) == 0 { // no virtual hosts
		a.sites = append(a.sites, whole)
	}
	return a.sites, a.notes
}

type apache struct {
	name  string
	open  func(string) (Text, bool)
	lines []string
	sites []Site
	notes Notes
}

// opens reads "<Name argument>".
func opens(line string) (name, arg string, ok bool) {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "<") || strings.HasPrefix(line, "</") || !strings.HasSuffix(line, ">") {
		return "", "", false
	}
	name, arg, _ = strings.Cut(line[1:len(line)-1], " ")
	return strings.ToLower(name), strings.TrimSpace(arg), true
}

// end finds the line that closes what opens in a line.
func (a *apache) end(from int) int {
	depth := 0
	for i := from; i < len(a.lines); i++ {
		if _, _, ok := opens(a.lines[i]); ok {
			depth++
		} else if strings.HasPrefix(strings.TrimSpace(a.lines[i]), "</") {
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(a.lines)
}

// section reads the lines of a section. What stands in it holds for the sections within it.
func (a *apache) section(s Site, from, to int) Site {
	own := make([]string, len(a.lines)) // what is for ModSecurity, where it stands
	type inner struct {
		name, arg string
		from, to  int
	}
	var later []inner
	s.Texts = append([]Text(nil), s.Texts...)
	for i := from; i < to; i++ {
		name, arg, ok := opens(a.lines[i])
		if !ok {
			i = a.line(&s, own, i, to)
			continue
		}
		end := a.end(i)
		switch name {
		case "virtualhost", "location", "locationmatch":
			later = append(later, inner{name, arg, i + 1, end})
			i = end
		case "directory", "directorymatch", "files", "filesmatch", "proxy", "limit", "limitexcept":
			i = end
		}
	}
	if text := strings.Join(own, "\n"); strings.TrimSpace(text) != "" {
		s.Texts = append(s.Texts, Text{Name: a.name, Line: 1, Text: text})
	}
	for _, in := range later {
		a.inner(s, in.name, in.arg, in.from, in.to)
	}
	return s
}

// inner reads a section within another one.
func (a *apache) inner(s Site, name, arg string, from, to int) {
	at := (&Text{Name: a.name, Line: 1}).at(from)
	arg = unquoted(arg)
	switch name {
	case "virtualhost":
		s.Where = a.name + ": VirtualHost at line " + at[strings.LastIndex(at, " ")+1:]
		before := len(a.sites)
		a.sites = append(a.sites, Site{}) // in front of its locations
		a.sites[before] = a.section(s, from, to)
		for i := before; i < len(a.sites); i++ { // a location may stand in front of the name
			if host := a.sites[before]; len(a.sites[i].Hosts) == 0 {
				a.sites[i].Hosts, a.sites[i].To = host.Hosts, host.To
			}
		}
	case "location":
		if rest, ok := strings.CutPrefix(arg, "~ "); ok {
			a.inner(s, "locationmatch", strings.TrimSpace(rest), from, to)
			return
		}
		s.Paths = []file.PathMatch{{Prefix: "/" + strings.Trim(arg, "/")}}
		a.location(s, arg, from, to)
	case "locationmatch":
		expr, err := anywhere(arg, false)
		if err != nil {
			a.notes.Add(Decide, at, "LocationMatch %s is left out: its expression is not one of RE2, which the tier uses", arg)
			return
		}
		s.Paths = []file.PathMatch{{Regex: expr}}
		a.location(s, arg, from, to)
	}
}

// location adds a site for a location that says something to ModSecurity.
func (a *apache) location(s Site, arg string, from, to int) {
	had := len(s.Texts)
	s.Where += " Location " + arg
	s.ID += strings.ReplaceAll(arg, "/", "-")
	if s = a.section(s, from, to); len(s.Texts) > had {
		a.sites = append(a.sites, s)
	}
}

// line reads a directive and returns its last line.
func (a *apache) line(s *Site, own []string, i, to int) int {
	text := strings.TrimSpace(a.lines[i])
	last := i
	for strings.HasSuffix(strings.TrimSpace(a.lines[last]), `\`) && last+1 < to {
		last++
	}
	w := words(text)
	if len(w) == 0 {
		return last
	}
	at := (&Text{Name: a.name, Line: 1}).at(i + 1)
	switch name := strings.ToLower(w[0]); {
	case strings.HasPrefix(name, "sec") || strings.HasPrefix(text, "#") || name == "include" && a.isOurs(w) || name == "includeoptional" && a.isOurs(w):
		copy(own[i:last+1], a.lines[i:last+1])
	case name == "servername" && len(w) > 1:
		host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(w[1], "http://"), "https://"), ":")
		s.Hosts = append([]string{host}, s.Hosts...)
		s.ID = host
	case name == "serveralias":
		s.Hosts = append(s.Hosts, w[1:]...)
	case name == "proxypass" && len(w) > 2 && w[1] == "/":
		to, err := endpoint(w[2])
		if err != nil {
			a.notes.Add(Decide, at, "%v", err)
			break
		}
		s.To = []string{to}
	case name == "proxypass" || name == "require" || name == "deny" || name == "allow" || strings.HasPrefix(name, "auth") || name == "rewriterule":
		a.notes.Add(Decide, at, "%s is not carried: what it does has to be done in front of the tier, or by routes and rules", oneLine(text))
	}
	return last
}

// isOurs reports whether an Include is about ModSecurity, as far as its name or its file says.
func (a *apache) isOurs(w []string) bool {
	if len(w) < 2 {
		return false
	}
	if a.open != nil {
		if t, ok := a.open(w[1]); ok {
			return strings.Contains(strings.ToLower(t.Text), "sec")
		}
	}
	name := strings.ToLower(w[1])
	return strings.Contains(name, "modsec") || strings.Contains(name, "crs") || strings.Contains(name, "mod_security")
}
