package importer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Files are the files of a firewall, as they were given.
type Files struct {
	names []string
	texts map[string]string
	taken []string // files of variables that belong to a container
}

// ReadFiles reads files, and of folders the files that a firewall may have. "-" stands for stdin.
func ReadFiles(paths []string, stdin io.Reader) (*Files, error) {
	f := &Files{texts: map[string]string{}}
	for _, p := range paths {
		if p == "-" {
			text, err := bounded(stdin, "stdin")
			if err != nil {
				return nil, err
			}
			f.add("stdin", string(text))
			continue
		}
		err := filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || name != p && !mayHave.MatchString(filepath.Base(name)) {
				return err
			}
			if info, err := os.Stat(name); err != nil || name != p && !info.Mode().IsRegular() {
				return err
			}
			text, err := read(name)
			if err == nil {
				f.add(filepath.ToSlash(name), string(text))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// mostFile bounds a file: the largest of the Core Rule Set has less than a MiB.
const mostFile = 16 << 20

func read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded(f, name)
}

func bounded(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, mostFile+1))
	if err == nil && len(text) > mostFile {
		err = fmt.Errorf("%s is larger than %d MiB", name, mostFile>>20)
	}
	return text, err
}

// mayHave are names of files that are read in a folder.
var mayHave = regexp.MustCompile(`\.(conf|data|env|ya?ml|template|rules)$|^Caddyfile|^\.env$`)

func (f *Files) add(name, text string) {
	if _, ok := f.texts[name]; !ok {
		f.names = append(f.names, name)
	}
	f.texts[name] = text
}

// some names the files, the first of them if they are many.
func (f *Files) some() string {
	const shown = 5
	switch n := len(f.names); {
	case n == 0:
		return "no file has a name that is read in a folder, give it by itself"
	case n > shown:
		return fmt.Sprintf("%s and %d more", strings.Join(f.names[:shown], ", "), n-shown)
	}
	return strings.Join(f.names, ", ")
}

// Open returns the file that a text names: the one with most of the name's last parts, since folders are other ones
// here.
func (f *Files) Open(name string) (Text, bool) {
	want := strings.Split(path.Clean(strings.ReplaceAll(name, `\`, "/")), "/")
	best, parts := "", 0
	for _, have := range f.names {
		got := strings.Split(have, "/")
		n := 0
		for n < len(want) && n < len(got) && want[len(want)-1-n] == got[len(got)-1-n] {
			n++
		}
		if n > parts {
			best, parts = have, n
		}
	}
	return Text{Name: best, Line: 1, Text: f.texts[best]}, parts > 0
}

// Match returns the files that a pattern names, by their names and that of the folder they are in.
func (f *Files) Match(pattern string) (out []Text) {
	for _, name := range f.names {
		ok, err := path.Match(path.Base(pattern), path.Base(name))
		if ok && err == nil && path.Base(path.Dir(pattern)) == path.Base(path.Dir(name)) && !isCore(name) {
			out = append(out, Text{Name: name, Line: 1, Text: f.texts[name]})
		}
	}
	slices.SortFunc(out, func(a, b Text) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// all returns what an include of nginx or Apache names: a file, or the files that match a pattern.
func (f *Files) all(pattern string) []Text {
	if strings.ContainsAny(pattern, "*?[") {
		return f.Match(pattern)
	}
	if t, ok := f.Open(pattern); ok {
		return []Text{t}
	}
	return nil
}

// kind is what a file is.
type kind string

// The kinds.
const (
	secLang  kind = "SecLang"
	ofNginx  kind = "nginx"
	ofApache kind = "Apache"
	ofCaddy  kind = "Caddy"
	ofYAML   kind = "YAML"
	envFile  kind = "environment"
	data     kind = "data"
)

var (
	nginxSigns  = regexp.MustCompile(`(?m)^\s*(modsecurity(_rules(_file)?)?\s|(server|http)\s*\{|location\s.*\{)`)
	apacheSigns = regexp.MustCompile(`(?mi)^\s*<(VirtualHost|IfModule|Location|LocationMatch|Directory)\b`)
	caddySigns  = regexp.MustCompile(`(?m)^\s*(coraza_waf\s*\{|order coraza_waf)`)
	secSigns    = regexp.MustCompile(`(?mi)^\s*(Sec[A-Za-z]+\s|Include\s)`)
	envSigns    = regexp.MustCompile(`(?m)^(export )?[A-Z][A-Z0-9_]*=`)
)

// kindOf says what a file is, by its name and what stands in it.
func kindOf(name, text string) kind {
	base := path.Base(name)
	switch {
	case strings.HasPrefix(base, "Caddyfile") || caddySigns.MatchString(text):
		return ofCaddy
	case strings.HasSuffix(base, ".yaml") || strings.HasSuffix(base, ".yml"):
		return ofYAML
	case strings.HasSuffix(base, ".data"):
		return data
	case nginxSigns.MatchString(text):
		return ofNginx
	case apacheSigns.MatchString(text):
		return ofApache
	case secSigns.MatchString(text):
		return secLang
	case strings.HasSuffix(base, ".env") || envSigns.MatchString(text):
		return envFile
	}
	return data
}

// Sites makes sites of all files. Files of SecLang that no other one includes are those of one site, in the order in
// which they were given; with an environment they are what is mounted into its container.
func (f *Files) Sites() (sites []Site, notes Notes, err error) {
	var texts []Text
	take := func(more []Site, n Notes) {
		sites = append(sites, more...)
		notes = append(notes, n...)
	}
	included := f.included()
	var alone []string // files of variables
	for _, name := range f.names {
		text := Text{Name: name, Line: 1, Text: f.texts[name]}
		switch k := kindOf(name, text.Text); {
		case included[name]:
		case k == secLang && isCore(name):
			// The Core Rule Set itself, which the tier has.
		case k == secLang:
			texts = append(texts, text)
		case k == ofNginx:
			take(nginxSites(text, f.all))
		case k == ofApache:
			take(apacheSites(text, f.all))
		case k == ofCaddy:
			take(caddySites(text))
		case k == envFile:
			alone = append(alone, name)
		case k == ofYAML:
			more, n, err := f.yamlSites(name, text.Text)
			if err != nil {
				return nil, nil, err
			}
			take(more, n)
		}
	}
	for _, name := range alone {
		if !slices.Contains(f.taken, name) {
			s, n := environment("modsecurity-crs", name, dotenv(f.texts[name]))
			take([]Site{s}, n)
		}
	}
	switch {
	case len(sites) == 0 && len(texts) > 0:
		sites = []Site{{ID: "modsecurity", Where: "modsecurity", Texts: inOrder(texts)}}
	case len(texts) > 0:
		for i := range sites {
			sites[i].Texts = append(sites[i].Texts, inOrder(texts)...)
		}
	}
	if len(sites) == 0 {
		return nil, nil, fmt.Errorf("nothing for ModSecurity or Coraza is in what was read: %s", f.some())
	}
	for i := range sites {
		if sites[i].ID == "" {
			sites[i].ID = "site"
		}
	}
	return sites, notes, nil
}

// inOrder puts files for before and behind the Core Rule Set where they belong, by the names that CRS gives them, and
// settings in front.
func inOrder(texts []Text) []Text {
	rank := func(t Text) int {
		switch base := path.Base(t.Name); {
		case strings.HasPrefix(base, "modsecurity.conf"):
			return 0
		case isSetup(base):
			return 1
		case strings.HasPrefix(base, "RESPONSE-999"):
			return 4
		case strings.HasPrefix(base, "REQUEST-900"):
			return 2
		}
		return 3
	}
	slices.SortStableFunc(texts, func(a, b Text) int { return rank(a) - rank(b) })
	i := slices.IndexFunc(texts, func(t Text) bool { return rank(t) == 4 })
	if i < 0 {
		return texts
	}
	return slices.Insert(texts, i, Text{Name: "the Core Rule Set", Text: "Include @owasp_crs/*.conf"})
}

// included are files that others include.
func (f *Files) included() map[string]bool {
	out := map[string]bool{}
	include := regexp.MustCompile(`(?mi)^\s*(?:Include(?:Optional)?|modsecurity_rules_file)\s+["']?([^"'\s;]+)`)
	for _, name := range f.names {
		for _, m := range include.FindAllStringSubmatch(f.texts[name], -1) {
			if strings.Contains(m[1], "*") && !isCore(m[1]) {
				for _, t := range f.Match(m[1]) {
					out[t.Name] = t.Name != name
				}
			} else if t, ok := f.Open(m[1]); ok && t.Name != name {
				out[t.Name] = true
			}
		}
	}
	return out
}

// yamlSites reads what has applications of the SPOA, or containers of the Core Rule Set's images.
func (f *Files) yamlSites(name, text string) (sites []Site, notes Notes, err error) {
	docs := yaml.NewDecoder(strings.NewReader(text))
	for {
		var doc yaml.Node
		switch err := docs.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return sites, notes, nil
		case err != nil:
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		case len(doc.Content) == 0:
			continue
		}
		if list := at(doc.Content[0], "applications"); list != nil {
			s, n := applications(name, list)
			sites, notes = append(sites, s...), append(notes, n...)
			continue
		}
		containers(name, doc.Content[0], "modsecurity-crs", func(c container) {
			outside := f.outside(&c)
			s, n := environment(c.id, c.where, c.env)
			sites, notes = append(sites, s), append(append(notes, n...), outside...)
		})
	}
}
