package proxy

import "testing"

func TestFilled(t *testing.T) {
	for _, c := range []struct{ page, want string }{
		{"", ""},
		{"nothing", "nothing"},
		{"{{status}}", "403"},
		{"a {{request_id}} b {{title}} {{status}}{{status}}", "a &lt;id&gt; b Forbidden 403403"},
		{"{{other}} {{status}} {{", "{{other}} 403 {{"},
		{"{{{{status}}}}", "{{403}}"},
		{"{{status", "{{status"},
	} {
		if got := string(filled(c.page, 403, "<id>")); got != c.want {
			t.Errorf("%q: %q, want %q", c.page, got, c.want)
		}
	}
}
