package admin

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseTokens(t *testing.T) {
	hash := "sha256:" + strings.Repeat("0a", 32)
	f := func(text, wantErr string, want ...string) {
		t.Helper()
		all, err := ParseTokens([]byte(text))
		if got := messageOf(err); got != wantErr {
			t.Errorf("%q: error\n%s\nwant\n%s", text, got, wantErr)
		}
		var names []string
		for _, one := range all {
			names = append(names, one.Name+" "+one.Role.String())
		}
		if strings.Join(names, ",") != strings.Join(want, ",") {
			t.Errorf("%q: %q, want %q", text, names, want)
		}
	}
	f("", "")
	f("# nobody yet\n\n", "")
	f("grafana read "+hash, "", "grafana read")
	f("\tci@example.com  operate "+hash+" until 2027-01-31T00:00:00Z # of the pipeline\n", "", "ci@example.com operate")
	f("a read "+hash+"\na operate "+hash, `line 2: "a" is the name in line 1 too: give each its own`, "a read")
	f("a reed "+hash+"\nb anyone "+hash, `line 1: role "reed": read or operate: did you mean "read"?`+"\n"+`line 2: role "anyone": read or operate`)
	f("a read", `line 1: write NAME ROLE sha256:HEX, as wafer admin-token prints it behind "line:", and "until TIME" behind that if the token ends`)
	f("a read sha256:00", "line 1: no hash: write sha256: and 64 digits, as wafer admin-token prints them")
	f("a read wafer_secret", "line 1: a token stands where its hash should: anybody who has read this file has it; make another one")
	f("a read "+hash+" until tomorrow", `line 1: until "tomorrow" is no time: write it like 2027-01-31T00:00:00Z`)
	f("a/b read "+hash, `line 1: name "a/b": use 1 to 64 letters, digits and -_.@`)
}

func messageOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestTokensChange takes what a file holds, and keeps what it held while it cannot be read.
func TestTokensChange(t *testing.T) {
	file, old := keys(t)
	var broken []string
	tokens, err := OpenTokens(file, func(err error) { broken = append(broken, err.Error()) })
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	knows := func(token string) bool {
		now = now.Add(2 * tokenLook)
		_, ok := tokens.find(token, now)
		return ok
	}
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !knows(old["ci"]) || knows(old["ended"]) || knows("") {
		t.Error("not what the file says at first")
	}
	put("nonsense")
	if !knows(old["ci"]) || !knows(old["grafana"]) || len(broken) != 1 || !strings.Contains(broken[0], file+": line 1: write NAME") {
		t.Errorf("a broken file: %q", broken)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	again := knows(old["ci"])
	if !knows(old["ci"]) || !again || len(broken) != 2 {
		t.Errorf("a file that is gone: %q", broken)
	}
	token, line, err := NewToken("new", Operate, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	put(line)
	if !knows(token) || knows(old["ci"]) {
		t.Error("the new file is not in force")
	}
	put("")
	if knows(token) {
		t.Error("an empty file knows a token")
	}
	if _, err := OpenTokens(file+".none", nil); err == nil {
		t.Error("no file, no error")
	}
}
