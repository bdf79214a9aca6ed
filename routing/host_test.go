package routing

import (
	"strings"
	"testing"
)

func TestCanonicalHost(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 61)+".", 4) // 248 bytes
	tests := []struct{ host, want string }{
		{"a.example", "a.example"},
		{"A.EXAMPLE", "a.example"},
		{"a.example.", "a.example"},
		{"a.example:80", "a.example"},
		{"a.example.:80", "a.example"},
		{"a.example:", "a.example"},
		{"localhost", "localhost"},
		{"my_service-1.ns", "my_service-1.ns"},
		{"192.0.2.1:80", "192.0.2.1"},
		{"bücher.example", "xn--bcher-kva.example"},
		{"BÜCHER.example.:80", "xn--bcher-kva.example"},
		{"faß.example", "xn--fa-hia.example"},
		{"XN--bcher-kva.example", "xn--bcher-kva.example"},
		{"日本語。ＪＰ", "xn--wgv71a119e.jp"},
		{"日本語。jp。", "xn--wgv71a119e.jp"},
		{strings.Repeat("ü.", 30), strings.TrimSuffix(strings.Repeat("xn--tda.", 30), ".")},
		{strings.Repeat("ü", 50) + "。example", "xn--tdaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example"},
		{"[::1]", "[::1]"},
		{"[::1]:8080", "[::1]"},
		{"[::1]:", "[::1]"},
		{"::1", "[::1]"},
		{"[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]"},
		{"[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]"},
		{long + "abcde", long + "abcde"},

		{"", ""},
		{".", ""},
		{":80", ""},
		{"a..example", ""},
		{".a.example", ""},
		{"a.example..", ""},
		{"a b", ""},
		{"a/b", ""},
		{"user@a.example", ""},
		{"*.a.example", ""},
		{"a%2eb", ""},
		{"a.example:x", ""},
		{"a.example:-1", ""},
		{"a.example:123456", ""},
		{"a:b:1", ""},
		{"[::1", ""},
		{"[", ""},
		{"[]", ""},
		{"]", ""},
		{"[::1]x", ""},
		{"[::1]x:80", ""},
		{"[::1]:x", ""},
		{"[fe80::1%eth0]", ""},
		{"[192.0.2.1]", ""},
		{"ü_.example", ""},
		{"\xff.example", ""},
		{strings.Repeat("ü", 64) + ".example", ""},
		{strings.Repeat("ü.", 128), ""},
		{strings.Repeat("ü", 1000), ""},
		{strings.Repeat("a", 64), ""},
		{long + "abcdef", ""},
	}
	for _, test := range tests {
		got, err := canonicalHost(test.host)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q: got %q, %v, want %q", test.host, got, err, test.want)
		}
		if err == nil {
			if again, err := canonicalHost(got); again != got || err != nil {
				t.Errorf("%q: canonical %q becomes %q, %v", test.host, got, again, err)
			}
		}
	}
}

func TestCanonicalHostSaysWhy(t *testing.T) {
	_, err := canonicalHost("a b")
	if want := `a host name holds only letters, digits, "-", "_" and "."`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func FuzzCanonicalHost(f *testing.F) {
	for _, host := range []string{"a.example:80", "A.b.", "bücher.example", "[::1]:80", "::1", "日本語。jp。", "a..b", "xn--a"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name, err := canonicalHost(host)
		if err != nil {
			return
		}
		if again, err := canonicalHost(name); again != name || err != nil {
			t.Errorf("%q: canonical %q becomes %q, %v", host, name, again, err)
		}
		if withPort, err := canonicalHost(name + ":8080"); withPort != name || err != nil {
			t.Errorf("%q: %q with a port becomes %q, %v", host, name, withPort, err)
		}
		for _, c := range []byte(name) {
			if c >= 0x80 || 'A' <= c && c <= 'Z' || c <= ' ' || c == '/' || c == '@' {
				t.Errorf("%q: canonical %q has %q", host, name, c)
			}
		}
		if len(name) > maxHostBytes {
			t.Errorf("%q: canonical name has %d bytes", host, len(name))
		}
	})
}
