package remote_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/delivery/remote"
	"github.com/wafer-waf/wafer/test/certs"
)

func TestParseFields(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"Authorization: Bearer abc\n":        "Authorization=Bearer abc",
		"# of the archive\n\nA:1\nX-B :  2 ": "! line 4: a name consists of letters, digits, - and _",
		"A: 1\r\nx_b: 2\r\n":                 "A=1 x_b=2",
		"secret":                             "! line 1: want NAME: VALUE",
		": secret":                           "! line 1: no name",
		"A: sec\x01ret":                      "! line 1: a value consists of printable ASCII",
	} {
		fields, err := remote.ParseFields(text)
		var got []string
		for _, f := range fields {
			got = append(got, f.Name+"="+f.Value)
		}
		if err != nil {
			got = []string{"! " + err.Error()}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// write replaces a file, with a time by which the change is seen.
func write(t *testing.T, path, text string, age time.Duration) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreReadAnewWhenTheyChange(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ca := certs.Authority(t, "receivers")
	leaf := ca.Issue(t, certs.Of{CN: "wafer"})
	r := remote.New(remote.TLS{CA: at("ca.pem"), Cert: at("cert.pem"), Key: at("key.pem"), ServerName: "logs"}, at("headers"))

	if _, err := r.Refresh(); err == nil {
		t.Fatal("nothing is there, and nothing was said")
	}
	write(t, at("headers"), "Authorization: Bearer one", 5*time.Hour)
	write(t, at("ca.pem"), string(ca.Cert()), 5*time.Hour)
	write(t, at("cert.pem"), string(leaf.Cert()), 5*time.Hour)
	if _, err := r.Refresh(); err == nil || !strings.Contains(err.Error(), "key.pem") {
		t.Fatalf("%v", err)
	}
	write(t, at("key.pem"), string(leaf.PrivateKey()), 5*time.Hour)
	if reconnect, err := r.Refresh(); err != nil || !reconnect {
		t.Fatalf("%t, %v", reconnect, err)
	}
	if c := r.Config(); c.RootCAs == nil || len(c.Certificates) != 1 || c.ServerName != "logs" || r.Fields()[0].Value != "Bearer one" {
		t.Fatalf("%+v", c)
	}
	if reconnect, err := r.Refresh(); err != nil || reconnect {
		t.Fatalf("nothing has changed: %t, %v", reconnect, err)
	}

	write(t, at("headers"), "Authorization: Bearer two", 4*time.Hour)
	if reconnect, err := r.Refresh(); err != nil || reconnect || r.Fields()[0].Value != "Bearer two" {
		t.Fatalf("%t, %v, %v", reconnect, err, r.Fields())
	}
	before := r.Config()
	write(t, at("cert.pem"), "broken", 4*time.Hour)
	if _, err := r.Refresh(); err == nil || r.Config() != before {
		t.Fatal("a broken certificate is in force, or nobody was told", err)
	}
	if _, err := r.Refresh(); err == nil {
		t.Fatal("it is still broken, and nobody was told")
	}
	write(t, at("cert.pem"), string(leaf.Cert()), 3*time.Hour)
	if reconnect, err := r.Refresh(); err != nil || !reconnect || r.Config() == before {
		t.Fatalf("%t, %v", reconnect, err)
	}
}
