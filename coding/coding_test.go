package coding

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for field, want := range map[string][]Coding{
		"":                           nil,
		"identity":                   nil,
		" , ,\t,":                    nil,
		"gzip":                       {Gzip},
		"x-gzip":                     {Gzip},
		"GZip":                       {Gzip},
		"X-GZIP":                     {Gzip},
		" gzip\t":                    {Gzip},
		"deflate":                    {Deflate},
		"br":                         {Brotli},
		"zstd":                       {Zstd},
		"gzip,br":                    {Gzip, Brotli},
		",gzip , ,identity,\tZSTD ,": {Gzip, Zstd},
		"gzip,gzip,gzip":             {Gzip, Gzip, Gzip},
	} {
		got, err := Parse(field)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", field, got, err, want)
		}
	}
	for field, want := range map[string]string{
		"compress":      "compress",
		"x-deflate":     "x-deflate",
		"brotli":        "brotli",
		"*":             "*",
		"gzip br":       "gzip br",
		"gzip;q=1":      "gzip;q=1",
		`"gzip"`:        `"gzip"`,
		"gzip, dcz, br": "dcz",
		"z\u017ftd":     "z\u017ftd", // folds to zstd in Unicode
		"gzip\v":        "gzip\v",
		"gzip\u00a0":    "gzip\u00a0",
		"gzip\x00":      "gzip\x00",
	} {
		got, err := Parse(field)
		unknown := (*UnknownError)(nil)
		if got != nil || !errors.Is(err, ErrUnknown) || !errors.As(err, &unknown) || unknown.Name != want {
			t.Errorf("%q: %v, %v, want an UnknownError with %q", field, got, err, want)
		}
	}
	if _, err := Parse(strings.Repeat("x", 10000)); len(err.Error()) > 100 {
		t.Errorf("the error repeats a long name: %d bytes", len(err.Error()))
	}
}

func TestNames(t *testing.T) {
	codings, err := Parse("gzip, deflate, br, zstd")
	if err != nil || !slices.Equal(codings, []Coding{Gzip, Deflate, Brotli, Zstd}) {
		t.Error(codings, err)
	}
	if got := Coding(0).String() + ", " + Coding(9).String(); got != "none, coding 9" {
		t.Error(got)
	}
}
