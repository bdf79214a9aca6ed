package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/snapshot"
)

// TestCutFile reads a file with gzip that has no end: what is in it is shown, and that it is cut.
func TestCutFile(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, accessLine("1", "block", 403)+"\n"+accessLine("2", "block", 403)+"\n") // to memory
	_ = z.Flush()
	path := filepath.Join(t.TempDir(), "cut.jsonl.gz")
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{path}, {path, "-n", "2"}} {
		out, _, err := runEvents(args...)
		if got := ids(out); !slices.Equal(got, []string{"1", "2"}) || !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v: %q, %v", args, out, err)
		}
	}
}

// TestHostileFile has a file say what drives terminals wherever it says what became of a request.
func TestHostileFile(t *testing.T) {
	evil := `\u001b[2J\u009b31m\u202e\r\n`
	dir := t.TempDir()
	har := `{"log":{"entries":[{"request":{"method":"GET","url":"http://shop.localhost/\u001b[2J","headers":[{"name":"X","value":"` + evil[:6] + `"}]},"response":{"status":503},` +
		`"_wafer":{"verdict":"` + evil + `","route":"` + evil + `","error":"` + evil + `","request_id":"` + evil + `","differs":["` + evil + `"]}},` +
		`{"request":{"method":"GET","url":"http://shop.localhost/"},"response":{"status":503},"_wafer":{"verdict":"` + evil + `","error":"` + evil + `"}}]}}`
	name := filepath.Join(dir, "a\x1b[2J\u202e.har")
	routes := filepath.Join(dir, "routes.yaml")
	text := "routes: [{id: shop, hosts: [shop.localhost], policy: off, upstreams: [{id: shop}]}]\nupstreams: [{id: shop, endpoints: [\"http://127.0.0.1:1\"]}]\npolicies: [{id: off, mode: off}]\n"
	if err := errors.Join(os.WriteFile(name, []byte(har), 0o600), os.WriteFile(routes, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{"text", "json", "junit", "sarif"} {
		var out, warned bytes.Buffer
		c := newReplay()
		c.SetArgs([]string{routes, name, "--expect", "recorded", "--strict", "--output", output})
		c.SetOut(&out)
		c.SetErr(&warned)
		c.SilenceErrors, c.SilenceUsage = true, true
		err := c.ExecuteContext(t.Context())
		if said := out.String() + warned.String(); err == nil || !strings.Contains(said, "recorded \ufffd[2J") || driven(said) != "" {
			t.Errorf("%s: %v, %s\ndrives %q", output, err, said, driven(said))
		}
	}
}

// TestFullDisk writes where there is no room.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	if checkedText(full, []checked{{File: "a", OK: true}}) == nil || writeLists(full, "text", make([]netip.Addr, 1), make([]snapshot.ListsState, 1)) == nil {
		t.Error("nobody is told that there is no room")
	}
}
