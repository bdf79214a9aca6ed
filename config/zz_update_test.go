package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestZZUpdate(t *testing.T) {
	if os.Getenv("WAFER_TEST_UPDATE") == "" {
		t.Skip()
	}
	up := func(pattern string, load func(string) error) {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			for range 3 {
				data, _ := os.ReadFile(f)
				body := string(data)
				for strings.HasPrefix(body, "# want: ") {
					_, body, _ = strings.Cut(body, "\n")
				}
				err := load(f)
				if err == nil {
					fmt.Println("NO ERROR", f)
					break
				}
				var b strings.Builder
				for _, l := range strings.Split(strings.ReplaceAll(err.Error(), filepath.Dir(f)+"/", ""), "\n") {
					b.WriteString("# want: " + l + "\n")
				}
				os.WriteFile(f, []byte(b.String()+body), 0o644)
			}
		}
	}
	up("testdata/invalid/*.yaml", func(f string) error { _, err := LoadRoutes(f); return err })
	up("testdata/invalid-boot/*.yaml", func(f string) error {
		fs := pflag.NewFlagSet("wafer", pflag.ContinueOnError)
		BootFlags(fs)
		fs.Parse([]string{"--config", f})
		_, err := LoadBoot(fs, nil)
		return err
	})
}
