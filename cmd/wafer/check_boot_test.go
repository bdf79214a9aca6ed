package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/config"
)

// TestCheckBootFiles has a boot file name files that are not there, in every key that names one: each is told with its key and line.
func TestCheckBootFiles(t *testing.T) {
	const text = `to: http://127.0.0.1:1
admin: 127.0.0.1:0
admin_peers: ["127.0.0.1:1"]
admin_tokens: /nowhere/a
admin_peer_token: /nowhere/b
admin_tls: { cert: /nowhere/c, key: /nowhere/d, client_ca: [/nowhere/t, /nowhere/u], client_crl: [/nowhere/v], peer_ca: [/nowhere/w], read: { cn: [me] } }
masking: { key_file: /nowhere/e }
store:
  addresses: ["127.0.0.1:1"]
  mode: sentinel
  master: main
  password_file: /nowhere/f
  sentinel_password_file: /nowhere/x
  tls: { use: on, ca: /nowhere/g, cert: /nowhere/h, key: /nowhere/i }
events:
  sinks:
    - { id: one, https: { url: "https://127.0.0.1:1/", headers_file: /nowhere/j, tls: { ca: /nowhere/k } } }
    - { id: two, syslog: { address: "tcp+tls://127.0.0.1:1", tls: { cert: /nowhere/l, key: /nowhere/m } } }
    - { id: three, otlp: { endpoint: "https://127.0.0.1:1", headers_file: /nowhere/n, tls: { ca: /nowhere/o } } }
traces:
  endpoint: https://127.0.0.1:1
  headers_file: /nowhere/p
  tls: { ca: /nowhere/q, cert: /nowhere/r, key: /nowhere/s }
`
	file := filepath.Join(t.TempDir(), "wafer.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	all := checkPath(file, nil)
	if len(all) != 1 || all[0].Kind != config.KindBoot {
		t.Fatalf("%+v", all)
	}
	lines, got := strings.Split(text, "\n"), []string{}
	for _, p := range all[0].Problems {
		got = append(got, p.Path)
		i := strings.Index(p.What, "/nowhere/")
		if i < 0 || p.File != file || p.Line == 0 || !strings.Contains(lines[p.Line-1], p.What[i:i+len("/nowhere/x")]) {
			t.Errorf("%+v", p)
		}
	}
	want := []string{
		"admin_peer_token", "admin_tls.cert", "admin_tls.client_ca[0]", "admin_tls.client_ca[1]", "admin_tls.client_crl[0]", "admin_tls.key",
		"admin_tls.peer_ca[0]", "admin_tokens", "events.sinks[0].https.headers_file", "events.sinks[0].https.tls.ca",
		"events.sinks[1].syslog.tls.cert", "events.sinks[1].syslog.tls.key", "events.sinks[2].otlp.headers_file", "events.sinks[2].otlp.tls.ca", "masking.key_file",
		"store.password_file", "store.sentinel_password_file", "store.tls.ca", "store.tls.cert", "store.tls.key",
		"traces.headers_file", "traces.tls.ca", "traces.tls.cert", "traces.tls.key",
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestCheckBootMasking has a key that is a device beside a list that is wrong: each is told once, and nothing without an end is read.
func TestCheckBootMasking(t *testing.T) {
	for _, c := range []struct {
		key  string
		want []string
	}{
		{"/dev/zero", []string{"masking.key_file: read /dev/zero: not a file", "masking.patterns[0]: "}},
		{"short", []string{"masking.key_file: short: key: 5 bytes can be guessed: at least 16: openssl rand -hex 32 makes a key", "masking.patterns[0]: "}},
		{"empty", []string{"masking.key_file: empty is empty: openssl rand -hex 32 makes a key", "masking.patterns[0]: "}},
		{"good", []string{"masking.patterns[0]: "}},
	} {
		t.Run(strings.TrimPrefix(c.key, "/dev/"), func(t *testing.T) {
			t.Chdir(t.TempDir())
			for name, text := range map[string]string{
				"wafer.yaml": "to: http://127.0.0.1:1\nmasking: { key_file: " + c.key + ", patterns: ['('] }\n",
				"short":      "12345\n", "empty": " \n", "good": strings.Repeat("0123456789abcdef", 4) + "\n",
			} {
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			all := checkPath("wafer.yaml", nil)
			if len(all) != 1 || len(all[0].Problems) != len(c.want) {
				t.Fatalf("%+v, want %q", all, c.want)
			}
			for _, p := range all[0].Problems {
				if got := p.Error(); !slices.ContainsFunc(c.want, func(want string) bool { return strings.HasPrefix(got, "wafer.yaml:2: "+want) }) {
					t.Errorf("%q, want %q", got, c.want)
				}
			}
		})
	}
}
