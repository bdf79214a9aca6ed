package importer

import (
	"strings"
	"testing"
)

// FuzzStatements: nothing that is not a comment gets lost on the way from text to statements, and whatever the
// text, reading it ends.
func FuzzStatements(f *testing.F) {
	f.Add("SecRuleEngine On\n# why\nSecRuleRemoveById 942100 \"942200-942299\"\n")
	f.Add("SecAction \\\n  \"id:1,\\\n  setvar:'tx.a=1'\"\n")
	f.Add("SecRule ARGS \"@rx \\\"a'\" \"id:2,deny\"")
	f.Add("SecRule \\")
	f.Add("SecRule ARGS a \"id:3,chain\"\nSecRule ARGS 'b' 'ctl:ruleRemoveById=949110'\n")
	f.Add("SecRuleUpdateTargetById 942100-942999 \"!ARGS:/^(a|b,c)$/|!XML:/*\"\nSecDefaultAction \"phase:2,deny\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		var all strings.Builder
		for _, s := range statements(&Text{Name: "fuzz", Line: 1, Text: text}) {
			all.WriteString(s.raw + "\n")
		}
		for line := range strings.Lines(text) {
			line = strings.TrimRight(strings.TrimSpace(line), "\\ \t\r")
			if line != "" && !strings.HasPrefix(line, "#") && !strings.Contains(all.String(), line) {
				t.Errorf("%q is lost", line)
			}
		}
		d := Read([]Text{{Name: "fuzz", Line: 1, Text: text}}, Options{ID: "fuzz"})
		d.Policy()
	})
}

// FuzzFiles: whatever a file holds, it is read as far as it goes, and nothing panics.
func FuzzFiles(f *testing.F) {
	for name, text := range map[string]string{
		"site.conf":  "http { modsecurity on; server { server_name a .b; location ~ x$ { proxy_pass http://c; modsecurity_rules 'SecRuleEngine On'; } } }",
		"vhost.conf": "<VirtualHost *>\nServerName a\n<Location /b>\nSecRuleRemoveById 1\n</Location>\nProxyPass / http://c/\n</VirtualHost>",
		"Caddyfile":  "a {\n coraza_waf {\n directives `SecRuleEngine On`\n}\n@b path /c*\nhandle @b {\n reverse_proxy d\n}\n}",
		"a.yaml":     "applications:\n - name: a\n   directives: |\n    SecRuleEngine On\n",
		"b.yaml":     "services: { waf: { image: owasp/modsecurity-crs, environment: [PARANOIA=2] } }",
		"waf.env":    "PARANOIA=2\nBACKEND=http://a:1\n",
		"main.conf":  "Include main.conf\nSecRule ARGS \"@pmf main.conf\" \"id:1\"\n",
	} {
		f.Add(name, text)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		files := &Files{texts: map[string]string{}}
		files.add(name, text)
		sites, notes, err := files.Sites()
		if err != nil {
			return
		}
		if _, err := Build(sites, notes, BuildOptions{Files: files}).YAML(); err != nil {
			t.Error(err)
		}
	})
}
