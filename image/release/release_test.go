package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// small makes a release of a binary that is none of ours and takes no time to build.
func small(t *testing.T) *release {
	t.Helper()
	r := &release{version: "v1.2.3-rc.1", time: time.Unix(1764547200, 0).UTC(), commit: strings.Repeat("ab", 20), builder: "https://example.com/builder", out: filepath.Join(t.TempDir(), "out")}
	dir := t.TempDir()
	r.binaries = filepath.Join(dir, "build")
	binary := filepath.Join(r.binaries, "linux-amd64", "wafer")
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", binary, ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r.image, r.sbom = filepath.Join(dir, "image.tar"), filepath.Join(dir, "sbom.json")
	for _, f := range []string{r.image, r.sbom} {
		if err := os.WriteFile(f, []byte(f[len(dir):]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	// The tree as it is on the day of the release.
	r.tree = filepath.Join(dir, "tree")
	if err := os.Mkdir(r.tree, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"LICENSE", "README.md", "examples", "schema", "manifests", "charts", "image"} {
		from, err := filepath.Abs(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(from, filepath.Join(r.tree, name)); err != nil {
			t.Fatal(err)
		}
	}
	dated := strings.Replace(string(text), "## Unreleased", "## "+r.version+" (2099-12-31)", 1)
	if err := os.WriteFile(filepath.Join(r.tree, "CHANGELOG.md"), []byte(dated), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// read returns the content of a release's files.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(content)
	}
	return all
}

func TestFiles(t *testing.T) {
	r := small(t)
	if err := r.files(); err != nil {
		t.Fatal(err)
	}
	first := read(t, r.out)
	if err := r.files(); err != nil {
		t.Fatal(err)
	}
	second := read(t, r.out)
	for name, content := range first {
		if second[name] != content {
			t.Errorf("%s is not the same twice", name)
		}
	}
	check(t, r.out, r.version, []string{"amd64"})
	var s statement
	if err := json.Unmarshal([]byte(first["wafer-v1.2.3-rc.1-provenance.intoto.json"]), &s); err != nil {
		t.Fatal(err)
	}
	source := s.Predicate.BuildDefinition.ResolvedDependencies[0]
	if source.Digest["gitCommit"] != r.commit || !strings.HasSuffix(source.URI, "@refs/tags/v1.2.3-rc.1") || s.Predicate.RunDetails.Builder.ID != r.builder {
		t.Errorf("%+v", s.Predicate)
	}
	for _, d := range s.Predicate.BuildDefinition.ResolvedDependencies[1:] {
		if len(d.Digest["dirHash"]) != 64 || !strings.HasPrefix(d.URI, "pkg:golang/") {
			t.Errorf("%+v", d)
		}
	}
}

// check wants a release to be whole, and what it says of itself to be true.
func check(t *testing.T, dir, version string, archs []string) {
	t.Helper()
	files := read(t, dir)
	want := []string{"SHA256SUMS"}
	for _, end := range []string{"image.tar", "manifests.tar.gz", "chart.tgz", "chart-oci.tar", "notes.md", "sbom.cdx.json", "provenance.intoto.json"} {
		want = append(want, "wafer-"+version+"-"+end)
	}
	for _, arch := range archs {
		want = append(want, "wafer-"+version+"-linux-"+arch+".tar.gz", "wafer_"+debVersion(version)+"_"+arch+".deb")
	}
	for _, name := range want {
		if files[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
	var s statement
	if err := json.Unmarshal([]byte(files["wafer-"+version+"-provenance.intoto.json"]), &s); err != nil {
		t.Fatal(err)
	}
	stated := map[string]string{}
	for _, r := range s.Subject {
		stated[r.Name] = r.Digest["sha256"]
	}
	for name, content := range files {
		sum := sha256.Sum256([]byte(content))
		digest := hex.EncodeToString(sum[:])
		if !strings.HasSuffix(name, ".intoto.json") && stated[name] != digest {
			t.Errorf("the statement says %s of %s, which is %s", stated[name], name, digest)
		}
		if !strings.HasSuffix(name, ".intoto.json") && name != checksums && !strings.Contains(files[checksums], digest+"  "+name+"\n") {
			t.Errorf("%s has not %s of %s", checksums, digest, name)
		}
	}
	for file, content := range untar(t, files["wafer-"+version+"-manifests.tar.gz"]) {
		if strings.Contains(content+"\n", "newTag: dev\n") {
			t.Errorf("%s has the tag dev", file)
		}
	}
}

// untar returns the files of an archive.
func untar(t *testing.T, content string) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = string(text)
	}
}

// TestDeb installs the package with dpkg, into a folder.
func TestDeb(t *testing.T) {
	r := small(t)
	if err := r.files(); err != nil {
		t.Fatal(err)
	}
	root := install(t, filepath.Join(r.out, "wafer_1.2.3~rc.1_amd64.deb"))
	for name, mode := range map[string]os.FileMode{
		"usr/bin/wafer": 0o755, "usr/lib/systemd/system/wafer.service": 0o644, "etc/wafer/wafer.yaml": 0o644,
		"etc/wafer/routes.yaml": 0o644, "usr/share/doc/wafer/copyright": 0o644,
		"usr/share/doc/wafer/schema/routes.schema.json": 0o644, "usr/share/doc/wafer/schema/boot.schema.json": 0o644,
	} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	// What an administrator has written stays, whatever is installed over it and taken away.
	routes := filepath.Join(root, "etc/wafer/routes.yaml")
	if err := os.WriteFile(routes, []byte("routes: mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dpkg(t, root, "--force-confdef", "--install", filepath.Join(r.out, "wafer_1.2.3~rc.1_amd64.deb"))
	dpkg(t, root, "--remove", "wafer")
	if text, err := os.ReadFile(routes); err != nil || string(text) != "routes: mine\n" {
		t.Errorf("routes.yaml is %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(root, "usr/bin/wafer")); err == nil {
		t.Error("the binary is there after the package is removed")
	}
	dpkg(t, root, "--purge", "wafer")
	if _, err := os.Stat(routes); err == nil {
		t.Error("the configuration is there after the package is purged")
	}
}

// install unpacks and configures a package into a new root.
func install(t *testing.T, deb string) string {
	t.Helper()
	if _, err := exec.LookPath("dpkg"); err != nil || os.Getuid() != 0 {
		t.Skip("NOT TESTED: installing a package takes dpkg, and root")
	}
	root := t.TempDir()
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dpkg(t, root, "--install", deb)
	return root
}

func dpkg(t *testing.T, root string, args ...string) {
	t.Helper()
	// Scripts run outside of the root, which has no shell; they heed DPKG_ROOT.
	c := exec.Command("dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--force-not-root", "--force-architecture"}, args...)...)
	c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("dpkg %v: %v\n%s", args, err, out)
	}
}

// exposure is how much systemd may say that the service is exposed, of 100.
const exposure = "20"

func TestUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("NOT TESTED: there is no systemd-analyze")
	}
	text, err := os.ReadFile("package/wafer.service")
	if err != nil {
		t.Fatal(err)
	}
	// The program is not installed here; any other may stand for it.
	unit := filepath.Join(t.TempDir(), "wafer.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(string(text), "/usr/bin/wafer", "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", "--man=no", unit}, {"security", "--offline=true", "--threshold=" + exposure, unit}} {
		out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze %v: %v\n%s", args, err, out)
		}
		for line := range strings.Lines(string(out)) {
			if args[0] == "verify" && strings.Contains(line, "wafer.service:") {
				t.Error(line)
			}
		}
	}
}

// TestRelease is about the files in WAFER_TEST_RELEASE, which "make release-check" has built: they are whole,
// and what is in them installs, runs, and says which version it is.
func TestRelease(t *testing.T) {
	dir := os.Getenv("WAFER_TEST_RELEASE")
	if dir == "" {
		t.Skip("make release-check tests the files of a release")
	}
	version := filepath.Base(dir)
	check(t, dir, version, []string{"amd64", "arm64"})
	for _, arch := range []string{"amd64", "arm64"} {
		name := "wafer-" + version + "-darwin-" + arch
		content, err := os.ReadFile(filepath.Join(dir, name+".tar.gz"))
		if err != nil {
			t.Fatal(err)
		}
		if binary := untar(t, string(content))[name+"/wafer"]; !strings.HasPrefix(binary, "\xcf\xfa\xed\xfe") {
			t.Errorf("%s holds no program for macOS", name)
		}
	}
	root := install(t, filepath.Join(dir, "wafer_"+debVersion(version)+"_"+runtime.GOARCH+".deb"))
	binary := filepath.Join(root, "usr/bin/wafer")
	out, err := exec.Command(binary, "version").Output()
	if first, _, _ := strings.Cut(string(out), "\n"); err != nil || first != "wafer "+version {
		t.Errorf("wafer version: %q, %v", out, err)
	}
	if out, err := exec.Command(binary, "check", filepath.Join(root, "etc/wafer/routes.yaml")).CombinedOutput(); err != nil {
		t.Errorf("the routes of the package: %v\n%s", err, out)
	}
	serve(t, binary, "serve", "--config", filepath.Join(root, "etc/wafer/wafer.yaml"), "--routes", filepath.Join(root, "etc/wafer/routes.yaml"),
		"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
}

// serve starts the program and waits until it says that it serves.
func serve(t *testing.T, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for s := bufio.NewScanner(log); s.Scan(); {
		lines = append(lines, s.Text())
		if strings.Contains(s.Text(), `"message":"serving"`) {
			_ = c.Process.Signal(os.Interrupt) // it may have ended
		}
	}
	if err := c.Wait(); err != nil || !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, `"message":"serving"`) }) {
		t.Errorf("%v\n%s", err, fmt.Sprint(strings.Join(lines, "\n")))
	}
}
