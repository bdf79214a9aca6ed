package demo

import (
	_ "embed"
	"html"
	"io"
	"net/http"
	"strings"
)

//go:embed pages/shop.html
var shopPages string

//go:embed pages/legacy.html
var legacyPages string

// markup is HTML. It is made of fragments, and nothing that a client has sent becomes a part of it but through
// [fragments.fill], which escapes it.
//
// The standard library's templates would do, and have the linker keep every exported method of the whole binary, since they
// call methods by name: a sixth of it.
type markup string

// fragments are the pieces of pages, by name.
type fragments map[string]markup

// parseFragments reads a file of them: the name of each stands between "===" in a line before it.
func parseFragments(text string) fragments {
	all := fragments{}
	name := ""
	for line := range strings.Lines(text) {
		if head, ok := strings.CutPrefix(line, "=== "); ok {
			name = strings.TrimSuffix(head, " ===\n")
			continue
		}
		all[name] += markup(line)
	}
	return all
}

// fill puts text into the holes of a fragment, {{name}}, escaped. They stand between tags and in attributes with quotes, where
// that is enough. pairs are names and texts in turn.
func (f fragments) fill(name string, pairs ...string) markup {
	m, ok := f[name]
	if !ok {
		panic("BUG: no fragment " + name)
	}
	var holes []string
	for i := 0; i < len(pairs); i += 2 {
		holes = append(holes, "{{"+pairs[i]+"}}", html.EscapeString(pairs[i+1]))
	}
	return markup(strings.NewReplacer(holes...).Replace(string(m)))
}

// page writes a page around a body.
func (f fragments) page(w http.ResponseWriter, status int, title string, body ...markup) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	var b strings.Builder
	b.WriteString(string(f.fill("head", "title", title)))
	for _, m := range body {
		b.WriteString(string(m))
	}
	b.WriteString(string(f.fill("foot")))
	_, _ = io.WriteString(w, b.String()) // an error is a client that went away
}
