package demo

import "testing"

// TestFill: whatever is filled in stays text, in an element and in an attribute, and fills no other hole.
func TestFill(t *testing.T) {
	f := parseFragments("=== a ===\n<p title=\"{{one}}\">{{two}}</p>\n=== b c ===\n<hr>\n")
	got := f.fill("a", "one", `"><script>{{two}}`, "two", "'&</p>{{one}}")
	if want := markup("<p title=\"&#34;&gt;&lt;script&gt;{{two}}\">&#39;&amp;&lt;/p&gt;{{one}}</p>\n"); got != want {
		t.Errorf("filled in is %q, want %q", got, want)
	}
	if got := f.fill("b c"); got != "<hr>\n" {
		t.Errorf("the other is %q", got)
	}
}
