package config

import "testing"

func TestParsePercent(t *testing.T) {
	f := reads(t, ParsePercent)
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
	f := reads(t, ParseStatusRange)
	f("200", StatusRange{200, 200}, "")
	f("200-399", StatusRange{200, 399}, "")
	f("2xx", StatusRange{200, 299}, "")
	f("599", StatusRange{599, 599}, "")
	for _, bad := range []string{"", "20", "2000", "100", "1xx", "6xx", "2x", "399-200", "200-", "200-3xx", "ok", "+20", "200-600"} {
		f(bad, StatusRange{}, `"`+bad+`" is not a status: write one, such as 200, a class, such as 2xx, or from and to, such as 200-399`)
	}
	for _, r := range []StatusRange{{200, 200}, {200, 399}, {599, 599}} {
		if again, err := ParseStatusRange(r.String()); err != nil || again != r {
			t.Errorf("%v reads itself back as %v, %v", r, again, err)
		}
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
