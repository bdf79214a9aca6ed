package prometheus

import (
	"os"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }
