package e2e

import (
	"debug/elf"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// TestNoTemplatesInTheBinary: templates call methods by name, so that a binary which can execute one has every exported method of
// every type in it. A dependency that does would cost 14 MB and be seen nowhere else.
func TestNoTemplatesInTheBinary(t *testing.T) {
	t.Parallel()
	file, err := elf.Open(tier.PlainBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	symbols, err := file.Symbols()
	if err != nil || len(symbols) < 10000 {
		t.Fatalf("%d symbols, %v", len(symbols), err)
	}
	for _, s := range symbols {
		if strings.HasPrefix(s.Name, "text/template.(*state)") {
			t.Fatalf("the binary executes templates: %s", s.Name)
		}
	}
}
