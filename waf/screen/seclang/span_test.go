package seclang

import (
	"slices"
	"testing"
)

func TestSpans(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []Span
	}{
		{"", nil},
		{"# nothing\n\n", nil},
		{"SecA 1", []Span{{First: 1, Last: 1, Text: "SecA 1"}}},
		{"\n  SecA 1 \r\nSecB 2\n", []Span{{First: 2, Last: 2, Text: "SecA 1"}, {First: 3, Last: 3, Text: "SecB 2"}}},
		{"SecA \\\n  \"1,\\\n  2\"\nSecB 2", []Span{{First: 1, Last: 3, Text: `SecA "1,2"`}, {First: 4, Last: 4, Text: "SecB 2"}}},
		{"SecA \\\n# within\n\n  1\n", []Span{{First: 1, Last: 4, Text: "SecA 1"}}},
		{"SecA \\\n# goes on \\\n  1", []Span{{First: 1, Last: 3, Text: "SecA 1"}}},
		{"\\\nSecA 1", []Span{{First: 1, Last: 2, Text: "SecA 1"}}},
		{"SecA 1\nSecB \\\n", []Span{{First: 1, Last: 1, Text: "SecA 1"}, {First: 2, Last: 2, Text: "SecB ", Open: true}}},
	} {
		if got := slices.Collect(Spans(tt.text)); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %+v, want %+v", tt.text, got, tt.want)
		}
	}
	for range Spans("SecA 1\nSecB 2") {
		break
	}
}
