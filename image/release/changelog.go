package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// section is what the changelog says of one version.
type section struct {
	version string // empty: unreleased
	date    string
	text    string
}

var (
	title = regexp.MustCompile(`^## (?:Unreleased|(v\S+) \((\d{4}-\d\d-\d\d)\))$`)
	entry = regexp.MustCompile(`^- \[(CHANGE|FEATURE|ENHANCEMENT|BUGFIX|SECURITY)\] \S`)
)

const upgrading = "### Upgrading"

// changelog reads the sections of a changelog, and all that is wrong with them: titles are "## Unreleased" and
// "## v1.2.3 (2026-12-01)", the newest first; each entry says what it is; a section with a [CHANGE] tells
// under "### Upgrading" what to do about it.
func changelog(text string) ([]section, error) {
	var sections []section
	var problems []error
	wrong := func(line int, format string, args ...any) {
		problems = append(problems, fmt.Errorf("CHANGELOG.md:%d: %s", line+1, fmt.Sprintf(format, args...)))
	}
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "## ") {
			if len(sections) > 0 {
				sections[len(sections)-1].text += line + "\n"
				if strings.HasPrefix(line, "- ") && !entry.MatchString(line) && !strings.Contains(sections[len(sections)-1].text, upgrading) {
					wrong(i, "an entry starts with [CHANGE], [FEATURE], [ENHANCEMENT], [BUGFIX] or [SECURITY]")
				}
			}
			continue
		}
		m := title.FindStringSubmatch(line)
		switch {
		case m == nil:
			wrong(i, "%q is neither ## Unreleased nor ## v1.2.3 (2026-12-01)", line)
			m = []string{"", "?", ""}
		case m[1] == "" && len(sections) > 0:
			wrong(i, "what is unreleased comes first")
		case m[1] != "" && !tag.MatchString(m[1]):
			wrong(i, "%s is no version", m[1])
		case m[1] != "" && len(sections) > 0 && sections[len(sections)-1].version != "":
			if last := sections[len(sections)-1]; m[2] > last.date || !newer(last.version, m[1]) {
				wrong(i, "%s stands behind %s: the newest comes first", m[1], last.version)
			}
		}
		sections = append(sections, section{version: m[1], date: m[2]})
	}
	for _, s := range sections {
		if strings.Contains(s.text, "- [CHANGE] ") && !strings.Contains(s.text, upgrading) {
			problems = append(problems, fmt.Errorf("CHANGELOG.md: %s has a [CHANGE], but no %q that says what to do", s.name(), upgrading))
		}
		if s.version != "" && !strings.Contains(s.text, "\n- [") {
			problems = append(problems, fmt.Errorf("CHANGELOG.md: %s has no entry", s.name()))
		}
	}
	if len(sections) == 0 {
		problems = append(problems, errors.New("CHANGELOG.md has no section"))
	}
	return sections, errors.Join(problems...)
}

func (s section) name() string {
	if s.version == "" {
		return "Unreleased"
	}
	return s.version
}

// newer reports whether version a comes after b. Of one version, what is before it (v1.2.3-rc.1) comes before.
func newer(a, b string) bool {
	x, y := tag.FindStringSubmatch(a), tag.FindStringSubmatch(b)
	if x == nil || y == nil {
		return false
	}
	for i := 1; i <= 3; i++ {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m > n
		}
	}
	return y[4] != "" && (x[4] == "" || x[4] > y[4])
}

// of returns the section of a version; for one that has no tag, what is unreleased.
func of(sections []section, version string) (section, bool) {
	i := slices.IndexFunc(sections, func(s section) bool { return s.version == version })
	if i < 0 && !tag.MatchString(version) {
		i = slices.IndexFunc(sections, func(s section) bool { return s.version == "" })
	}
	if i < 0 {
		return section{}, false
	}
	return sections[i], true
}

// ready refuses to release what nobody could build again, or read about.
func ready(tree, version string) error {
	if !tag.MatchString(version) {
		return fmt.Errorf("%q is no version: tag the commit, v1.2.3", version)
	}
	git := func(args ...string) (string, error) {
		out, err := exec.Command("git", append([]string{"-C", tree}, args...)...).Output()
		if err != nil {
			return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
		}
		return strings.TrimSpace(string(out)), nil
	}
	tagged, err := git("rev-parse", "refs/tags/"+version+"^{commit}")
	if err != nil {
		return fmt.Errorf("no tag %s: %w", version, err)
	}
	head, err := git("rev-parse", "HEAD")
	if err != nil {
		return err
	}
	changed, err := git("status", "--porcelain")
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(tree, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	sections, err := changelog(string(text))
	problems := []error{err}
	if tagged != head {
		problems = append(problems, fmt.Errorf("%s is the tag of another commit", version))
	}
	if changed != "" {
		problems = append(problems, fmt.Errorf("the tree is not what is committed:\n%s", changed))
	}
	if _, ok := of(sections, version); !ok {
		problems = append(problems, noSection(version))
	}
	return errors.Join(problems...)
}

// noSection says that the changelog does not know a version, and what to do.
func noSection(version string) error {
	return fmt.Errorf("CHANGELOG.md has no section %s: write it (docs/release.md), or to try a build leave VERSION out", version)
}

// noted returns what the changelog says of a version.
func noted(tree, version string) (string, error) {
	text, err := os.ReadFile(filepath.Join(tree, "CHANGELOG.md"))
	if err != nil {
		return "", err
	}
	sections, err := changelog(string(text))
	if err != nil {
		return "", err
	}
	s, ok := of(sections, version)
	if !ok {
		return "", noSection(version)
	}
	return s.text, nil
}

// notes are what the changelog says of the version.
func (r *release) notes() error {
	text, err := noted(r.tree, r.version)
	if err != nil {
		return err
	}
	return os.WriteFile(r.name("notes.md"), []byte("# Wafer "+r.version+"\n\n"+strings.TrimSpace(text)+"\n"), 0o644)
}
