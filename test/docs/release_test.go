package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// release puts the files of a release into the sandbox, as docs/install.md calls them. They are made by the
// command that makes any release, but of one binary, and of an image and a list that are empty.
func (s *sandbox) release(t *testing.T) {
	t.Helper()
	const version = "v1.2.3"
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	must(os.Mkdir(tree, 0o700))
	build := filepath.Join(dir, "linux-amd64") // whatever it is: the documents name one
	must(os.Mkdir(build, 0o700))
	must(os.Symlink(tier.PlainBinary(t), filepath.Join(build, "wafer")))
	for _, name := range []string{"LICENSE", "README.md", "examples", "schema", "manifests", "charts", "image"} {
		must(os.Symlink(filepath.Join(root, name), filepath.Join(tree, name)))
	}
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	must(err)
	dated := strings.Replace(string(text), "## Unreleased", "## "+version+" (2099-12-31)", 1)
	must(os.WriteFile(filepath.Join(tree, "CHANGELOG.md"), []byte(dated), 0o600))
	empty := filepath.Join(dir, "empty")
	must(os.WriteFile(empty, []byte("{}\n"), 0o600))
	c := exec.Command("go", "run", "./release", "files", "-version", version, "-commit", strings.Repeat("ab", 20), "-builder", "https://example.com/",
		"-epoch", "1764547200", "-tree", tree, "-binaries", dir, "-image", empty, "-sbom", empty, "-o", filepath.Join(dir, "out"))
	c.Dir = filepath.Join(root, "image")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := os.ReadDir(filepath.Join(dir, "out"))
	must(err)
	for _, f := range files {
		must(os.Symlink(filepath.Join(dir, "out", f.Name()), filepath.Join(s.dir, f.Name())))
	}
}
