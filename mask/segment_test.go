package mask

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// needless are the ordinary paths of which something is masked, though nothing in them is secret. docs/operations.md tells how
// many there are.
var needless = []string{
	"/reset/rtx4090ti",
	"/token/0x6b175474e89094c44da98b954eedeac495271d0f",
	"/cards/iPhone15Pro",
	"/verify/md5-d41d8cd98f00b204e9800998ecf8427e",
	"/auth/v1beta1/projects",
	"/reset/hp-laserjet-m404dn",
	"/verify/tls1.3-aes256gcm",
}

// In ordinary paths, of which half stand behind segments that tell a secret, next to nothing is masked.
func TestOrdinaryPaths(t *testing.T) {
	text, err := os.ReadFile("testdata/paths.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	var masked []string
	for path := range strings.Lines(string(text)) {
		if path = strings.TrimSpace(path); path == "" || path[0] == '#' {
			continue
		}
		n++
		if std.URL(path) != path {
			masked = append(masked, path)
		}
	}
	if n < 700 {
		t.Errorf("only %d paths", n)
	}
	if got, want := strings.Join(masked, "\n"), strings.Join(needless, "\n"); got != want {
		t.Errorf("masked needlessly, of %d:\n%s\nwant:\n%s", n, got, want)
	}
}

// Tokens that are made by chance are masked behind such segments: of usual lengths nearly all.
func TestTokensInPaths(t *testing.T) {
	const hex, lower, upper = "0123456789abcdef", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name, alphabet string
		length, least  int // of a hundred
	}{
		{"hex", hex, 8, 89}, {"hex", hex, 16, 98}, {"hex", hex, 32, 99}, {"hex", hex, 40, 99},
		{"base36", lower + "0123456789", 8, 80}, {"base36", lower + "0123456789", 25, 97},
		{"base62", lower + upper + "0123456789", 8, 84}, {"base62", lower + upper + "0123456789", 22, 98},
		{"base64url", lower + upper + "0123456789-_", 22, 97}, {"base64url", lower + upper + "0123456789-_", 43, 99},
		{"base32", upper + "234567", 26, 88}, {"base32", upper + "234567", 32, 94},
	} {
		const n = 4000
		masked := 0
		for range n {
			token := make([]byte, c.length)
			for i := range token {
				token[i] = c.alphabet[r.IntN(len(c.alphabet))]
			}
			if !strings.Contains(std.URL("/reset/"+string(token)), string(token)) {
				masked++
			}
		}
		t.Logf("%s of %d: %d of %d", c.name, c.length, masked, n)
		if masked*100 < c.least*n {
			t.Errorf("%s of %d: %d of %d masked, want %d %%", c.name, c.length, masked, n, c.least)
		}
	}
}
