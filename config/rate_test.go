package config

import (
	"strings"
	"testing"
	"time"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{
		"10/s":     {Amount{N: 10}, time.Second},
		"300/m":    {Amount{N: 300}, time.Minute},
		"5000/h":   {Amount{N: 5000}, time.Hour},
		"1/d":      {Amount{N: 1}, 24 * time.Hour},
		"5/10m":    {Amount{N: 5}, 10 * time.Minute},
		"5/1h30m":  {Amount{N: 5}, 90 * time.Minute},
		"10MiB/s":  {Amount{10 << 20, true}, time.Second},
		"1GiB/10s": {Amount{1 << 30, true}, 10 * time.Second},
	} {
		got, err := ParseRate(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if again, err := ParseRate(got.String()); err != nil || again != got {
			t.Errorf("%s is written as %s", text, got)
		}
	}
	for _, bad := range []string{"", "10", "/s", "10/", "10/x", "-1/s", "+1/s", "1.5/s", "10 / s", "10/10", "10MB/s", "s/10", "10/s/s", "99999999999999999999/s"} {
		if _, err := ParseRate(bad); err == nil || !strings.Contains(err.Error(), "such as 10/s") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestBoundsOfRates(t *testing.T) {
	for text, want := range map[string]string{
		"10/s": "", "1000000/s": "", "60000000/m": "", "10GiB/s": "",
		"0/s": "lets nothing pass", "10/48h": "out of range", "10/1ms": "out of range", "1000001/s": "too large", "999999999GiB/s": "too large",
	} {
		r, err := ParseRate(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestParseAmount(t *testing.T) {
	for text, want := range map[string]Amount{"20": {20, false}, "20MiB": {20 << 20, true}, "0": {}} {
		if got, err := ParseAmount(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "-1", "20MB", "1.5", "+1"} {
		if _, err := ParseAmount(bad); err == nil {
			t.Errorf("%q is an amount", bad)
		}
	}
}
