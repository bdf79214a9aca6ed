package waf

import (
	"strings"
	"testing"
)

func TestFindCRSRule(t *testing.T) {
	for _, tt := range []struct {
		id         int
		file, text string
	}{
		{942100, "REQUEST-942-APPLICATION-ATTACK-SQLI.conf", "@detectSQLi"},
		{949110, "REQUEST-949-BLOCKING-EVALUATION.conf", "BLOCKING_INBOUND_ANOMALY_SCORE"},
		{920450, "REQUEST-920-PROTOCOL-ENFORCEMENT.conf", "chain"},
	} {
		got, ok := FindCRSRule(tt.id)
		if !ok || got.File != tt.file || got.Line < 2 || !strings.HasPrefix(got.Text, "Sec") || !strings.Contains(got.Text, tt.text) {
			t.Errorf("%d: %+v, %v", tt.id, got, ok)
		}
		if n := strings.Count(got.Text, "\nSec"); n != 0 {
			t.Errorf("%d: %d rules more", tt.id, n)
		}
	}
	for _, id := range []int{0, -1, 1, 94210} {
		if got, ok := FindCRSRule(id); ok {
			t.Errorf("%d: %+v", id, got)
		}
	}
}
