package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/snapshot"
)

// TestProofAcceptsProtection checks policies that deny what attacks of the proof come with, too. Each is accepted, and
// the proof says which rules stop them before those of CRS do.
func TestProofAcceptsProtection(t *testing.T) {
	files, err := filepath.Glob("testdata/proof/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			c, err := config.LoadRoutes(file)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Check(c)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.TrimPrefix(firstLine(t, file), "# before: ")
			proof := d.Policies[0].Proof
			if got := before(proof); got != want {
				t.Errorf("stopped before by %s, want %s", got, want)
			}
			for _, s := range proof {
				if len(s.Rules) == 0 || s.Rule == 0 || slices.Contains(s.Before, s.Rule) {
					t.Errorf("%+v does not say what stopped it", s)
				}
			}
		})
	}
}

// before says which attacks other rules had stopped before, in few words.
func before(proof []snapshot.Stopped) string {
	counts := map[string]int{}
	for _, s := range proof {
		for _, rule := range s.Before {
			counts[fmt.Sprint(rule)]++
		}
	}
	var words []string
	for rule, n := range counts {
		words = append(words, fmt.Sprintf("%s of %d by %s", fmt.Sprint(n), len(proof), rule))
	}
	if words == nil {
		return "none"
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func firstLine(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return line
}
