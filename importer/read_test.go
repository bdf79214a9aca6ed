package importer

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/config/file"
)

var update = flag.Bool("update", false, "write what is read into testdata")

// part is a file within a case: a line "-- name --" and what follows it.
type part struct{ name, text string }

func parts(text string) []part {
	var out []part
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(strings.TrimSpace(name), " --") {
			out = append(out, part{name: strings.TrimSuffix(strings.TrimSpace(name), " --")})
			continue
		}
		if len(out) > 0 {
			out[len(out)-1].text += line
		}
	}
	return out
}

// TestRead reads the cases in testdata. Each has texts, files that they may include (in the folder "files"), and the
// policy and the notes that come of them, which -update writes.
func TestRead(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var texts []Text
			var given []part
			files, want := map[string]string{}, map[string]string{}
			for _, p := range parts(string(data)) {
				switch included, isFile := strings.CutPrefix(p.name, "files/"); {
				case p.name == "policy" || p.name == "notes":
					want[p.name] = p.text
					continue
				case isFile:
					files[included] = p.text
				default:
					texts = append(texts, Text{Name: p.name, Line: 1, Text: p.text})
				}
				given = append(given, p)
			}
			d := Read(texts, Options{ID: "case", CRS: true, Open: func(name string) (Text, bool) {
				text, ok := files[name]
				return Text{Name: name, Line: 1, Text: text}, ok
			}})
			policy, err := file.Encode(d.Policy())
			if err != nil {
				t.Fatal(err)
			}
			var notes strings.Builder
			for _, n := range d.Notes {
				notes.WriteString(n.String() + "\n")
			}
			if *update {
				comment, _, _ := bytes.Cut(data, []byte("-- "))
				out := string(comment)
				for _, p := range append(given, part{"policy", string(policy)}, part{"notes", notes.String()}) {
					out += "-- " + p.name + " --\n" + p.text
				}
				if err := os.WriteFile(name, []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want["policy"] != string(policy) {
				t.Errorf("policy:\n%s", policy)
			}
			if want["notes"] != notes.String() {
				t.Errorf("notes:\n%s", notes.String())
			}
		})
	}
}

// TestKnown: what is said to be gone is gone, and what is said to have taken its place is there.
func TestKnown(t *testing.T) {
	for old, next := range successors {
		if len(coreRules().within(old, old)) > 0 {
			t.Errorf("rule %d is not gone", old)
		}
		for _, id := range strings.FieldsFunc(next, func(r rune) bool { return r < '0' || r > '9' }) {
			if from, to := idsOf(id); len(coreRules().within(from, to)) != 1 {
				t.Errorf("there is no rule %s, which takes the place of %d", id, old)
			}
		}
	}
	if n := len(coreRules().rules); n < 400 {
		t.Errorf("%d rules are known", n)
	}
}

func TestIsCore(t *testing.T) {
	for name, want := range map[string]bool{
		"/etc/nginx/owasp-modsecurity-crs/nginx-modsecurity.conf": true,
		"/etc/nginx/owasp-modsecurity-crs/rules/*.conf":           true,
		"@owasp_crs/*.conf":                                                                  true,
		"/usr/share/modsecurity-crs/owasp-crs.load":                                          true,
		"/opt/rules/REQUEST-942-APPLICATION-ATTACK-SQLI.conf":                                true,
		"/etc/nginx/owasp-modsecurity-crs/rules/REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf": false,
		"/etc/nginx/owasp-modsecurity-crs/custom.conf":                                       false,
		"/etc/nginx/crs-custom/exclusions.conf":                                              false,
		"/etc/nginx/modsec/crs.conf":                                                         false,
		"/etc/nginx/my-crs/*.conf":                                                           false,
		"/etc/nginx/owasp-modsecurity-crs/rules/RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf": false,
	} {
		if isCore(name) != want {
			t.Errorf("%s: got %t", name, !want)
		}
	}
}

func TestNginxQuoted(t *testing.T) {
	for quoted, want := range map[string]string{
		`SecRule ARGS \"@rx a\\.b\" \"id:1,msg:\'x\'\"`: `SecRule ARGS "@rx a\.b" "id:1,msg:'x'"`,
		`SecRule ARGS "@rx \d\n" "id:1"`:                `SecRule ARGS "@rx \d\n" "id:1"`,
		`SecRule ARGS "@rx \\d" "id:1,msg:'x'"`:         `SecRule ARGS "@rx \\d" "id:1,msg:'x'"`, // nginx never read this
		"SecAction \\\n  \"id:1\"":                      "SecAction \\\n  \"id:1\"",
	} {
		if got := NginxQuoted(quoted); got != want {
			t.Errorf("%s: got %s", quoted, got)
		}
	}
}

// TestBlocks: blocks of nginx and Caddy are read with their lines and quotes.
func TestBlocks(t *testing.T) {
	f := func(g grammar, text, want string) {
		t.Helper()
		var b strings.Builder
		var show func([]block)
		show = func(list []block) {
			for _, one := range list {
				for i, w := range one.words {
					b.WriteString(strings.Repeat(" ", min(i, 1)) + w.text)
				}
				if one.body != nil {
					b.WriteString("{")
					show(one.body)
					b.WriteString("}")
				}
				b.WriteString(";")
			}
		}
		show(g.blocks(text))
		if b.String() != want {
			t.Errorf("%s: got %s, want %s", text, b.String(), want)
		}
	}
	f(nginxGrammar(), "a 'b\\'c\\d' \"e;\"; # x\nf { g; h{i;} }", "a b'c\\d e;;f{g;h{i;};};")
	f(nginxGrammar(), "location ~ ^/a{2}$ { x; }", "location ~ ^/a{2}${x;};")
	f(nginxGrammar(), "} a", "a;")
	f(caddyGrammar(), "{\n\tx\n}\na, b {\n\tc `d\n e` {f.g} \"h i\"\n}\n", "{x;};a, b{c d\n e {f.g} h i;};")
	f(caddyGrammar(), "a {\n b", "a{b;};")
}

// TestInOrder: whatever is read of a folder, files stand in the order in which ModSecurity reads them.
func TestInOrder(t *testing.T) {
	var got []string
	for _, text := range inOrder([]Text{
		{Name: "RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf"}, {Name: "own.conf"}, {Name: "crs/crs-setup.conf"},
		{Name: "REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf"}, {Name: "modsecurity.conf"},
	}) {
		got = append(got, text.Name)
	}
	want := "modsecurity.conf crs/crs-setup.conf REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf own.conf the Core Rule Set RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
}

// TestFoldersWithOtherThanFiles: a folder may have what is no file, or has no end, under a name of those that are read.
func TestFoldersWithOtherThanFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.conf"), []byte("SecRuleEngine On\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "b.conf"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "c.conf")); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFiles([]string{dir}, nil)
	if err != nil || len(f.names) != 1 {
		t.Errorf("%v, %v", f, err)
	}
	if _, err := ReadFiles([]string{"/dev/zero"}, nil); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Error(err)
	}
}
