package importer

import (
	"strings"

	"github.com/wafer-waf/wafer/config/file"
)

// apacheSites makes sites of the virtual hosts and locations of Apache with the ModSecurity module.
func apacheSites(t Text, open func(pattern string) []Text) ([]Site, Notes) {
	a := &apache{name: t.Name, open: open}
	a.read(t, 0)
	whole := a.section(Site{Where: t.Name}, 0, len(a.lines))
	if len(a.sites) == 0 { // no virtual hosts
		a.sites = append(a.sites, whole)
	}
	return a.sites, a.notes
}

type apache struct {
	name   string
	open   func(pattern string) []Text // what a name or a pattern of an Include stands for
	lines  []string
	places []place // of lines
	files  int     // that were included
	sites  []Site
	notes  Notes
}

// place is where a line stands.
type place struct {
	file string
	line int
}

// read appends the lines of a file. A file of Apache's that it includes stands in the place of the Include.
func (a *apache) read(t Text, depth int) {
	for i, line := range strings.Split(t.Text, "\n") {
		if files := a.includes(line); len(files) > 0 && depth < maxDepth && a.files+len(files) <= maxIncludes {
			a.files += len(files)
			for _, file := range files {
				a.read(file, depth+1)
			}
			continue
		}
		a.lines = append(a.lines, line)
		a.places = append(a.places, place{t.Name, i + 1})
	}
}

// includes returns the files of Apache's that a line includes. Those of rules alone are left to who reads rules.
func (a *apache) includes(line string) (files []Text) {
	w := words(strings.TrimSpace(line))
	if len(w) != 2 || a.open == nil || !strings.EqualFold(w[0], "Include") && !strings.EqualFold(w[0], "IncludeOptional") {
		return nil
	}
	for _, t := range a.open(w[1]) {
		if kindOf(t.Name, t.Text) == ofApache {
			files = append(files, t)
		}
	}
	return files
}

// at is the place of a line, for notes.
func (a *apache) at(i int) string {
	return (&Text{Name: a.places[i].file, Line: 1}).at(a.places[i].line)
}

// texts are lines for ModSecurity, by the file that they stand in.
func (a *apache) texts(own []string) (out []Text) {
	for from := 0; from < len(own); {
		to := from + 1
		for to < len(own) && a.places[to].file == a.places[from].file && a.places[to].line > a.places[to-1].line {
			to++
		}
		if text := strings.Join(own[from:to], "\n"); strings.TrimSpace(text) != "" {
			out = append(out, Text{Name: a.places[from].file, Line: a.places[from].line, Text: text})
		}
		from = to
	}
	return out
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
	s.Texts = append(s.Texts, a.texts(own)...)
	for _, in := range later {
		a.inner(s, in.name, in.arg, in.from, in.to)
	}
	return s
}

// inner reads a section within another one.
func (a *apache) inner(s Site, name, arg string, from, to int) {
	at := a.at(from - 1)
	arg = unquoted(arg)
	switch name {
	case "virtualhost":
		s.Where = a.places[from-1].file + ": VirtualHost at line " + at[strings.LastIndex(at, " ")+1:]
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
	at := a.at(i)
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
		if files := a.open(w[1]); len(files) > 0 {
			return strings.Contains(strings.ToLower(files[0].Text), "sec")
		}
	}
	name := strings.ToLower(w[1])
	return strings.Contains(name, "modsec") || strings.Contains(name, "crs") || strings.Contains(name, "mod_security")
}
