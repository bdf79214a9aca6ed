package config

import "testing"

func TestParsePercent(t *testing.T) {
	f := func(text string, want Percent, wantErr string) {
		t.Helper()
		got, err := ParsePercent(text)
		if wantErr != "" {
			if err == nil || err.Error() != wantErr {
				t.Errorf("%q: got %v, %v, want error %s", text, got, err, wantErr)
			}
			return
		}
		if err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	f("0", 0, "")
	f("0%", 0, "")
	f("50%", 50, "")
	f("100%", 100, "")
	f("-1%", -1, "") // whose bounds are checked where it stands
	f("50", 0, "50 has no sign: write 50%")
	f("", 0, `"" is not a share: write a whole number with a sign, such as 50%`)
	f("%", 0, `"%" is not a share: write a whole number with a sign, such as 50%`)
	f("0.5", 0, `"0.5" is not a share: write a whole number with a sign, such as 50%`)
	f("+5%", 0, `"+5%" is not a share: write a whole number with a sign, such as 50%`)
	f("50 %", 0, `"50 %" is not a share: write a whole number with a sign, such as 50%`)
	if got := Percent(20).String(); got != "20%" {
		t.Errorf("%s", got)
	}
}

func TestParseStatusRange(t *testing.T) {
	f := func(text string, want StatusRange, wantErr string) {
		t.Helper()
		got, err := ParseStatusRange(text)
		if wantErr != "" {
			if err == nil || err.Error() != wantErr {
				t.Errorf("%q: got %v, %v, want error %s", text, got, err, wantErr)
			}
			return
		}
		if again, err := ParseStatusRange(got.String()); err != nil || got != want || again != got {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	f("200", StatusRange{200, 200}, "")
	f("200-399", StatusRange{200, 399}, "")
	f("2xx", StatusRange{200, 299}, "")
	f("599", StatusRange{599, 599}, "")
	for _, bad := range []string{"", "20", "2000", "100", "1xx", "6xx", "2x", "399-200", "200-", "200-3xx", "ok", "+20", "200-600"} {
		f(bad, StatusRange{}, `"`+bad+`" is not a status: write one, such as 200, a class, such as 2xx, or from and to, such as 200-399`)
	}
	for _, status := range []int{199, 300} {
		if (StatusRange{200, 299}).Has(status) {
			t.Errorf("%d is within 2xx", status)
		}
	}
	if !(StatusRange{200, 299}).Has(200) || !(StatusRange{200, 299}).Has(299) {
		t.Error("an end is not within")
	}
}
