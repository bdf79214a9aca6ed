package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// wants returns the lines "# want: …" at the start of a file, without that prefix.
func wants(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(data)) {
		text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "# want: ")
		if !ok {
			break
		}
		want = append(want, text)
	}
	if len(want) == 0 {
		t.Fatalf("%s does not start with \"# want: \"", file)
	}
	return strings.Join(want, "\n")
}

// TestInvalidFiles loads each file of testdata/invalid and expects exactly the problems
// that stand at its start, in that order.
func TestInvalidFiles(t *testing.T) {
	invalidFiles(t, "testdata/invalid/*.yaml", func(file string) error {
		_, err := LoadRoutes(file)
		return err
	})
}

// TestInvalidBootFiles does the same for boot files.
func TestInvalidBootFiles(t *testing.T) {
	invalidFiles(t, "testdata/invalid-boot/*.yaml", func(file string) error {
		fs := pflag.NewFlagSet("wafer", pflag.ContinueOnError)
		BootFlags(fs)
		if err := fs.Parse([]string{"--config", file}); err != nil {
			return err
		}
		_, err := LoadBoot(fs, nil)
		return err
	})
}

func invalidFiles(t *testing.T, pattern string, load func(file string) error) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			err := load(file)
			var ps Problems
			if !errors.As(err, &ps) {
				t.Fatalf("want problems, got %v", err)
			}
			dir := filepath.Dir(file) + string(filepath.Separator)
			if got, want := strings.ReplaceAll(ps.Error(), dir, ""), wants(t, file); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
