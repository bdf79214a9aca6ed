package wire

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// block is one case of a table: a name and lines that begin with a word. In what follows
// the word, escapes are Go's, and \(text*n) repeats.
type block struct {
	name  string
	lines []line
}

type line struct{ word, rest string }

var repeat = regexp.MustCompile(`\\\(((?:[^*\\]|\\.)*)\*(\d+)\)`)

func unescape(t *testing.T, s string) string {
	t.Helper()
	s = repeat.ReplaceAllStringFunc(s, func(m string) string {
		parts := repeat.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], n)
	})
	u, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return u
}

// blocks reads the tables of a folder below testdata. Blocks are separated by empty lines,
// "# " begins a name, and a line of "//" is a comment.
func blocks(t *testing.T, folder string) []block {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	var all []block
	names := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for text := range strings.SplitSeq(string(data), "\n\n") {
			var b block
			for l := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
				word, rest, _ := strings.Cut(l, " ")
				switch word {
				case "//", "":
				case "#":
					b.name = strings.TrimSuffix(filepath.Base(file), ".txt") + "/" + rest
				default:
					b.lines = append(b.lines, line{word, unescape(t, rest)})
				}
			}
			if len(b.lines) == 0 {
				continue
			}
			if b.name == "" || names[b.name] {
				t.Fatalf("%s: a block without a name of its own:\n%s", file, text)
			}
			names[b.name] = true
			all = append(all, b)
		}
	}
	return all
}
