package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestChangelog holds the changelog of the tree to its form.
func TestChangelog(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := changelog(string(text)); err != nil {
		t.Error(err)
	}
}

func TestChangelogForm(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := changelog("# Changelog\n\n" + text)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	const last = "## v1.0.0 (2026-12-01)\n\n- [FEATURE] It is there.\n"
	f("## Unreleased\n", "")
	f("## Unreleased\n\n- [BUGFIX] One.\n  On two lines.\n\n"+last, "")
	f("## Unreleased\n\n- [CHANGE] One.\n\n### Upgrading\n\n- Do this.\n\n"+last, "")
	f("## v1.0.1 (2026-12-01)\n\n- [BUGFIX] One.\n\n"+last, "")
	f("## v1.0.0 (2026-12-02)\n\n- [BUGFIX] One.\n\n## v1.0.0-rc.1 (2026-12-01)\n\n- [FEATURE] It is there.\n", "")
	f("", "no section")
	f("## Unreleased\n\n- One.\n", "CHANGELOG.md:5: an entry starts with")
	f("## Unreleased\n\n- [FIX] One.\n", "CHANGELOG.md:5: an entry starts with")
	f("## Unreleased\n\n- [CHANGE] One.\n", "Unreleased has a [CHANGE]")
	f("## 1.0.0\n", `"## 1.0.0" is neither`)
	f("## v1.0 (2026-12-01)\n\n- [BUGFIX] One.\n", "v1.0 is no version")
	f("## v1.0.0 (2026-12-01)\n", "v1.0.0 has no entry")
	f(last+"\n## Unreleased\n", "what is unreleased comes first")
	f(last+"\n## v1.1.0 (2026-11-01)\n\n- [FEATURE] One.\n", "v1.1.0 stands behind v1.0.0")
	f(last+"\n## v0.9.0 (2026-12-24)\n\n- [FEATURE] One.\n", "v0.9.0 stands behind v1.0.0")
}

// TestReady goes through the ways in which a tree is none that can be released.
func TestReady(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		c := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b.c"}, args...)...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "CHANGELOG.md"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(version, want string) {
		t.Helper()
		err := ready(dir, version)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", version, err, want)
		}
	}
	git("init", "-q")
	write("# Changelog\n\n## v1.0.0 (2026-12-01)\n\n- [FEATURE] It is there.\n")
	git("add", ".")
	git("commit", "-q", "-m", "first")
	want("a3e5fb8", "no version")
	want("v1.0.0", "no tag v1.0.0")
	git("tag", "-a", "v1.0.0", "-m", "v1.0.0")
	git("tag", "v1.0.1")
	want("v1.0.0", "")
	want("v1.0.1", "no section v1.0.1")
	write("# Changelog\n\n## v1.0.0 (2026-12-01)\n\n- [FEATURE] It is there, all of it.\n")
	want("v1.0.0", "not what is committed")
	git("commit", "-q", "-a", "-m", "second")
	want("v1.0.0", "another commit")
}
