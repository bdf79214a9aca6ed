package waf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/waf/reading"
)

// uploadTypes are the media types that browsers send for files, by extension; others are octet-stream.
var uploadTypes = map[string]string{
	".csv": "text/csv", ".md": "text/markdown", ".js": "text/javascript", ".py": "text/x-python", ".sh": "application/x-sh",
	".html": "text/html", ".svg": "image/svg+xml", ".json": "application/json", ".xml": "text/xml", ".yaml": "application/yaml",
	".rss": "application/rss+xml", ".txt": "text/plain", ".png": "image/png", ".jpg": "image/jpeg", ".gif": "image/gif",
	".pdf": "application/pdf", ".zip": "application/zip",
}

// upload is the body of a form with one file, as browsers write it.
func upload(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mediaType := uploadTypes[filepath.Ext(file)]
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	return "------WebKitFormBoundaryAb3dEf6hIj9kLm2n\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nsomething new\r\n" +
		"------WebKitFormBoundaryAb3dEf6hIj9kLm2n\r\nContent-Disposition: form-data; name=\"upload\"; filename=\"" + filepath.Base(file) +
		"\"\r\nContent-Type: " + mediaType + "\r\n\r\n" + string(data) + "\r\n------WebKitFormBoundaryAb3dEf6hIj9kLm2n--\r\n"
}

// TestUploads sends the files in testdata/uploads through a policy with defaults: honest ones pass,
// whatever is written in them, and those that a server or a browser would carry out do not.
func TestUploads(t *testing.T) {
	e := mustEngine(t)
	for _, folder := range []string{"honest", "hostile"} {
		files, err := filepath.Glob("testdata/uploads/" + folder + "/*")
		if err != nil || len(files) < 20 {
			t.Fatalf("%d files: %v", len(files), err)
		}
		for _, file := range files {
			t.Run(folder+"/"+filepath.Base(file), func(t *testing.T) {
				body := upload(t, file)
				v, f := run(t, e, post("/upload", "multipart/form-data; boundary=----WebKitFormBoundaryAb3dEf6hIj9kLm2n", body), body)
				if want := folder == "hostile"; v.Blocks() != want {
					t.Errorf("blocked: %t, rules %v", v.Blocks(), ids(f))
				}
			})
		}
	}
}

// TestUploadsSkipped holds that a policy may leave files alone, and that a server page is refused by its name
// even then.
func TestUploadsSkipped(t *testing.T) {
	e := mustEngine(t, func(p *Policy) { p.Reading = reading.Options{Files: reading.FilesSkip} })
	body := upload(t, "testdata/uploads/hostile/polyglot.gif")
	mediaType := "multipart/form-data; boundary=----WebKitFormBoundaryAb3dEf6hIj9kLm2n"
	if v, f := run(t, e, post("/upload", mediaType, body), body); v.Blocks() {
		t.Errorf("blocked by %v", ids(f))
	}
	body = strings.Replace(body, "polyglot.gif", "polyglot.php", 1)
	if v, f := run(t, e, post("/upload", mediaType, body), body); !v.Blocks() || slices.Contains(ids(f), 200020) {
		t.Errorf("blocked: %t, by %v", v.Blocks(), ids(f))
	}
}
