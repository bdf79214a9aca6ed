package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

// Prefix is where the files of the page are, below a name that changes with them.
const Prefix = "/page/"

//go:embed static
var static embed.FS

// policy is the Content-Security-Policy of the page: everything comes from the listener, no script is written into the
// document, and no text becomes markup, whatever a client has sent and whatever mistake a module makes.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Page serves the document and its files. The zero value is ready; it reads its files when it is asked first.
type Page struct {
	once     sync.Once
	document []byte
	version  string
	files    map[string][]byte
}

// Wanted reports whether who asks is a browser that wants to show something, rather than a program.
func Wanted(r *http.Request) bool {
	for _, accept := range r.Header.Values("Accept") {
		for one := range strings.SplitSeq(accept, ",") {
			if name, _, _ := strings.Cut(one, ";"); strings.EqualFold(strings.TrimSpace(name), "text/html") {
				return true
			}
		}
	}
	return false
}

// Document serves the document.
func (p *Page) Document(w http.ResponseWriter, _ *http.Request) {
	p.once.Do(p.read)
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	_, _ = w.Write(p.document) // the client has left; nobody is left to tell
}

// Files serves what the document names. The name of a file has a digest of all of them in it, so that browsers may keep
// them for good, and none mixes the files of two versions while the tier is upgraded.
func (p *Page) Files(w http.ResponseWriter, r *http.Request) {
	p.once.Do(p.read)
	version, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/")
	text, known := p.files[name]
	if version != p.version || !known {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("no such file of this version\n")) // as in Document
		return
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", contentType(path.Ext(name)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(text) // as in Document
}

// contentType does not ask the system, whose tables differ.
func contentType(extension string) string {
	switch extension {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/plain; charset=utf-8"
}

// secure sets what the page needs beside what every answer of the listener has.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

// read collects the files, names them, and has the document use these names.
func (p *Page) read() {
	p.files = map[string][]byte{}
	all := sha256.New()
	err := fs.WalkDir(static, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, "static/")
		p.files[name] = text
		_, err = all.Write([]byte(name + "\x00" + string(text) + "\x00"))
		return err
	})
	if err != nil {
		panic("page: embedded files do not read: " + err.Error()) // cannot be: they are memory of this process
	}
	p.version = hex.EncodeToString(all.Sum(nil))[:16]
	p.document = bytes.ReplaceAll(p.files["index.html"], []byte("{{files}}"), []byte(Prefix+p.version))
	delete(p.files, "index.html")
}
