package page

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// TestPage follows the document to everything that it and its modules name.
func TestPage(t *testing.T) {
	p := &Page{}
	document := httptest.NewRecorder()
	p.Document(document, httptest.NewRequest(http.MethodGet, "/", nil))
	text := document.Body.String()
	if strings.Contains(text, "{{") || !strings.Contains(text, "<title>Wafer</title>") {
		t.Fatalf("document %s", text)
	}
	named := regexp.MustCompile(`(?:href|src)="(`+Prefix+`[^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(named) != 3 {
		t.Fatalf("the document names %d files: %v", len(named), named)
	}
	imported := regexp.MustCompile(`(?m)^import .* from '([^']+)';$`)
	seen := map[string]bool{}
	var follow func(path string)
	follow = func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		got := httptest.NewRecorder()
		p.Files(got, httptest.NewRequest(http.MethodGet, path, nil))
		if got.Code != http.StatusOK {
			t.Errorf("%s: %d", path, got.Code)
		}
		if !strings.Contains(got.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: Cache-Control %q", path, got.Header().Get("Cache-Control"))
		}
		base := httptest.NewRequest(http.MethodGet, path, nil).URL
		for _, m := range imported.FindAllStringSubmatch(got.Body.String(), -1) {
			next, err := base.Parse(m[1])
			if err != nil {
				t.Fatal(err)
			}
			follow(next.Path)
		}
	}
	for _, m := range named {
		follow(m[1])
	}
	if len(seen) != len(p.files) {
		t.Errorf("%d of %d files are used: %v", len(seen), len(p.files), seen)
	}
}

// TestStrangers gives nothing to who asks for files of another version, or for what is no file.
func TestStrangers(t *testing.T) {
	p := &Page{}
	for _, path := range []string{"/page/", "/page/x", "/page/0123456789abcdef/app.js", "/page//app.js", "/page/VERSION/", "/page/VERSION/index.html", "/page/VERSION/../page.go", "/page/VERSION/none.js"} {
		p.once.Do(p.read)
		got := httptest.NewRecorder()
		p.Files(got, httptest.NewRequest(http.MethodGet, strings.Replace(path, "VERSION", p.version, 1), nil))
		if got.Code != http.StatusNotFound || strings.Contains(got.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %q", path, got.Code, got.Header().Get("Cache-Control"))
		}
	}
}

// TestNothingFromElsewhere reads the files for what would make a browser ask elsewhere, or run text.
func TestNothingFromElsewhere(t *testing.T) {
	p := &Page{}
	p.once.Do(p.read)
	p.files["index.html"] = p.document
	for name, text := range p.files {
		for _, never := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "import(", "https://", "url(", "@import", "<style", " style=", "onclick=", "srcdoc"} {
			if strings.Contains(string(text), never) && !(name == "dom.js" && never == "srcdoc") {
				t.Errorf("%s has %q", name, never)
			}
		}
		for _, address := range regexp.MustCompile(`http://[^'"<> ]+`).FindAllString(string(text), -1) {
			if address != "http://www.w3.org/2000/svg" { // the name of a language, which nobody asks for
				t.Errorf("%s names %s", name, address)
			}
		}
	}
}

func TestWanted(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "text/plain": false, "text/html": true,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": true, "application/json, TEXT/HTML;q=0.1": true, "text/htmlx": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", accept)
		if got := Wanted(r); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
}

// TestNothingIsSaidTwice has what several files define in one of them.
func TestNothingIsSaidTwice(t *testing.T) {
	p := &Page{}
	p.once.Do(p.read)
	defined := regexp.MustCompile(`(?m)^(?:export )?((?:const|let|function|async function) .{30,})$`)
	in := map[string]string{}
	for name, text := range p.files {
		for _, m := range defined.FindAllStringSubmatch(string(text), -1) {
			if first, again := in[m[1]]; again && first != name {
				t.Errorf("%s and %s both have %s", first, name, m[1])
			}
			in[m[1]] = name
		}
	}
	if len(in) < 20 {
		t.Errorf("%d definitions were found", len(in))
	}
}
