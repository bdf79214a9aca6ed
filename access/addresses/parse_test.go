package addresses_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/addresses"
)

// listed shows a set as texts: the prefix, and when it ends from now on.
func listed(s *addresses.Set) (out []string) {
	for m := range s.All() {
		text := m.Prefix.String()
		if !m.Until.IsZero() {
			text += " " + m.Until.Sub(now).String()
		}
		out = append(out, text)
	}
	return out
}

func TestParse(t *testing.T) {
	const aws = `{"syncToken": "1", "prefixes": [{"ip_prefix": "192.0.2.0/24", "region": "x"}, {"ip_prefix": "198.51.100.0/24"}],
		"ipv6_prefixes": [{"ipv6_prefix": "2001:db8::/32"}]}`
	for name, c := range map[string]struct {
		text string
		r    addresses.Reading
		want []string
		bad  string // the lines, and the end of what is told of each
	}{
		"lines": {"# list\r\n192.0.2.1\r\n\n  2001:db8::/32 ; SBL1\n198.51.100.0/24 // net\n\t203.0.113.9\t# one", addresses.Reading{Format: addresses.Plain},
			[]string{"192.0.2.1/32", "198.51.100.0/24", "203.0.113.9/32", "2001:db8::/32"}, ""},
		"a mark of the byte order": {"\ufeff192.0.2.1", addresses.Reading{Format: addresses.Plain}, []string{"192.0.2.1/32"}, ""},
		"ends": {"192.0.2.1 2026-11-30T13:00:00Z\n192.0.2.2 90m\n192.0.2.3 1796040001 # a second\n192.0.2.4 2026-11-29\n192.0.2.5 never\n192.0.2.6 soon",
			addresses.Reading{Format: addresses.Plain}, []string{"192.0.2.1/32 1h0m0s", "192.0.2.2/32 1h30m0s", "192.0.2.3/32 1s", "192.0.2.5/32"},
			`6: "soon" is no time`},
		"ranges": {"192.0.2.0-192.0.2.255\n198.51.100.1 - 198.51.100.4\n0.0.0.0-255.255.255.255\n192.0.2.9-192.0.2.1\n192.0.2.1-2001:db8::1\n::-::2", addresses.Reading{Format: addresses.Plain},
			[]string{"0.0.0.0/0", "192.0.2.0/24", "198.51.100.1/32", "198.51.100.2/31", "198.51.100.4/32", "::/127", "::2/128"},
			`4: "192.0.2.9-192.0.2.1" is no range, 5: "192.0.2.1-2001:db8::1" is no range`},
		"what is no address": {"192.0.2.1/33\n192.0.2.1/24\n010.0.0.1\nfe80::1%eth0\n16909060\n<html>\n192.0.2.0/255.255.255.0\n" + strings.Repeat("1", 5000) + "\n\x00\x01", addresses.Reading{Format: addresses.Plain}, nil,
			`1: "192.0.2.1/33" is no prefix, 2: "192.0.2.1/24" has bits set behind the prefix length: it may be 192.0.2.0/24 or 192.0.2.1, 3: "010.0.0.1" is no address, ` +
				`4: an address with a zone, 5: "16909060" is no address, 6: "<html>" is no address, 7: "192.0.2.0/255.255.255.0" is no prefix, 8: longer than 4096, 9: "\x00\x01" is no address`},
		"IPv4 as IPv6": {"::ffff:192.0.2.1\n::ffff:198.51.100.0/120\n::ffff:0:0/96", addresses.Reading{Format: addresses.Plain},
			[]string{"0.0.0.0/0", "192.0.2.1/32", "198.51.100.0/24"}, ""},
		"too wide": {"0.0.0.0/0\n10.0.0.0/8\n::/0\n2000::/4\n0.0.0.0-255.255.255.255", addresses.Reading{Format: addresses.Plain, Widest4: 8, Widest6: 16},
			[]string{"10.0.0.0/8"}, `1: "0.0.0.0/0" is wider than /8, 3: "::/0" is wider than /16, 4: "2000::/4" is wider than /16, 5: "0.0.0.0-255.255.255.255" is wider than /8`},

		"columns by number": {"ip,port\n192.0.2.1,80\n\"192.0.2.2\",\"a \"\"b\"\", c\"\n192.0.2.3\n", addresses.Reading{Format: addresses.CSV}, []string{"192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"}, ""},
		"columns by name": {"# made today\n\"first_seen\", \"IP\",until\n2026,192.0.2.1,2026-11-30 12:00:10\n2026,192.0.2.2,\n2026\n2026,\"192.0.2.3,x\n2026,\"192.0.2.4\"x,1",
			addresses.Reading{Format: addresses.CSV, Column: "ip", Until: "until"}, []string{"192.0.2.1/32 10s", "192.0.2.2/32"},
			"5: has only 1 columns, 6: a quote is not closed, 7: text behind a quote"},

		"texts in an array": {`["192.0.2.1", "2001:db8::/32", 7, null, {"a": "192.0.2.2"}, ["192.0.2.3"]]`, addresses.Reading{Format: addresses.JSON}, []string{"192.0.2.1/32", "192.0.2.3/32", "2001:db8::/32"},
			`1: "7" is no text, 1: an object where an address is expected`},
		"fields": {aws, addresses.Reading{Format: addresses.JSON, Fields: []string{"prefixes.ip_prefix", "ipv6_prefixes.ipv6_prefix"}},
			[]string{"192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"}, ""},
		"any field": {`{"web": ["192.0.2.1"], "hooks": ["192.0.2.2"], "x": {"y": ["192.0.2.9"]}}`, addresses.Reading{Format: addresses.JSON, Fields: []string{"*"}}, []string{"192.0.2.1/32", "192.0.2.2/32"},
			`1: an object where an address is expected`},
		"lines of JSON": {"{\"cidr\":\"192.0.2.0/24\"}\n{\"cidr\":\"nowhere\"}\n{\"type\":\"metadata\",\"size\":2}\n", addresses.Reading{Format: addresses.JSON, Fields: []string{"cidr"}}, []string{"192.0.2.0/24"},
			`2: "nowhere" is no address`},
		"members that say the end": {`[{"value": "192.0.2.1", "duration": "3h0m10s"}, {"duration": "-1h", "value": "192.0.2.2"}, {"duration": null, "value": "192.0.2.3"}]`,
			addresses.Reading{Format: addresses.JSON, Fields: []string{"value"}, Until: "duration"}, []string{"192.0.2.1/32 3h0m10s", "192.0.2.3/32"}, ""},

		"ipset": {"create bad hash:net family inet hashsize 1024 maxelem 65536 timeout 60 comment\nadd bad 192.0.2.0/24 timeout 3600 comment \"a timeout 7 b\"\nadd bad 192.0.2.128/25 nomatch timeout 0\nadd bad 198.51.100.7\nadd bad\nadd bad 198.51.100.8 timeout x\n",
			addresses.Reading{Format: addresses.IPSet}, []string{"192.0.2.0/24 1h0m0s", "198.51.100.7/32 1m0s"}, `5: add names no set, 6: "x" is no number of seconds`},
		"ipset saved a while ago": {"create a hash:ip timeout 0\nadd a 192.0.2.1 timeout 60\nadd a 192.0.2.2 timeout 3610\nadd a 192.0.2.3\n",
			addresses.Reading{Format: addresses.IPSet, Saved: now.Add(-time.Hour)}, []string{"192.0.2.2/32 10s", "192.0.2.3/32"}, ""},
		"ipset of networks":     {"create a bitmap:ip range 192.0.0.0/16 netmask 24\nadd a 192.0.2.0\n", addresses.Reading{Format: addresses.IPSet}, []string{"192.0.2.0/24"}, ""},
		"one ipset of several":  {"create a hash:net,port\nadd a 192.0.2.1,tcp:80\ncreate b hash:net\nadd b 192.0.2.2\n", addresses.Reading{Format: addresses.IPSet, Set: "b"}, []string{"192.0.2.2/32"}, ""},
		"a netset":              {"# by somebody\n192.0.2.0/24\n", addresses.Reading{Format: addresses.IPSet}, []string{"192.0.2.0/24"}, ""},
		"nothing":               {"", addresses.Reading{Format: addresses.Plain}, nil, ""},
		"nothing in JSON":       {" ", addresses.Reading{Format: addresses.JSON}, nil, ""},
		"the same entry, twice": {"192.0.2.1\n192.0.2.1/32\n", addresses.Reading{Format: addresses.Plain}, []string{"192.0.2.1/32"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.r.Now = now
			s, outcome, err := addresses.Parse(c.text, c.r)
			if err != nil {
				t.Fatal(err)
			}
			if got := listed(s); !slices.Equal(got, c.want) {
				t.Errorf("%q\nwant %q", got, c.want)
			}
			wants := strings.Split(c.bad, ", ")
			if c.bad == "" {
				wants = nil
			}
			if len(outcome.Told) != len(wants) || outcome.Bad != len(wants) {
				t.Fatalf("%d bad: %q, want %q", outcome.Bad, outcome.Told, wants)
			}
			for i, b := range outcome.Told {
				if !strings.HasPrefix(b.String(), "line "+wants[i]) {
					t.Errorf("%q, want %q", b, wants[i])
				}
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		r    addresses.Reading
		want string
	}{
		"JSON that breaks off":  {"[\n\"192.0.2.1\",\n", addresses.Reading{Format: addresses.JSON}, "line 2: the text breaks off"},
		"a page":                {"<html>\n</html>", addresses.Reading{Format: addresses.JSON}, "line 1: invalid character '<'"},
		"deep JSON":             {strings.Repeat("[", 100), addresses.Reading{Format: addresses.JSON}, "nested too deeply"},
		"deep objects":          {strings.Repeat(`{"a":`, 100000), addresses.Reading{Format: addresses.JSON}, "nested too deeply"},
		"no such column":        {"a,b\n1,2\n", addresses.Reading{Format: addresses.CSV, Column: "ip"}, `no column "ip" in the first line, "a,b"`},
		"no line of names":      {"", addresses.Reading{Format: addresses.CSV, Column: "ip"}, "no line that names the columns"},
		"ports":                 {"create a hash:ip,port family inet\n", addresses.Reading{Format: addresses.IPSet}, `a set of type "hash:ip,port"`},
		"two sets":              {"create a hash:ip\ncreate b hash:ip\n", addresses.Reading{Format: addresses.IPSet}, `a second set, "b" beside "a"`},
		"a set nobody made":     {"add a 192.0.2.1\n", addresses.Reading{Format: addresses.IPSet}, `set "a" is used before it is created`},
		"too many":              {"192.0.2.1\n192.0.2.2\n192.0.2.3\n", addresses.Reading{Format: addresses.Plain, MaxEntries: 2}, "line 3: more entries than max_entries, 2"},
		"too many in one range": {"::1-7fff:ffff::fffe\n", addresses.Reading{Format: addresses.Plain, MaxEntries: 100}, "line 1: more entries"},
		"too many in JSON":      {"[\"192.0.2.1\",\n\"192.0.2.2\"]", addresses.Reading{Format: addresses.JSON, MaxEntries: 1}, "line 2: more entries"},
	} {
		t.Run(name, func(t *testing.T) {
			c.r.Now = now
			if _, _, err := addresses.Parse(c.text, c.r); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			} else if strings.Contains(name, "too many") && !errors.Is(err, addresses.ErrTooMany) {
				t.Errorf("%v is not ErrTooMany", err)
			}
		})
	}
}

func TestNoMatchIsNoPart(t *testing.T) {
	s, _, err := addresses.Parse("create a hash:net\nadd a 192.0.2.0/24\nadd a 192.0.2.128/25 nomatch\nadd a 192.0.2.200\n", addresses.Reading{Format: addresses.IPSet, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	for a, want := range map[string]bool{"192.0.2.1": true, "192.0.2.129": false, "192.0.2.200": true} {
		if s.Has(netip.MustParseAddr(a), now) != want {
			t.Errorf("%s: not %v", a, want)
		}
	}
}

func TestOfManyBadLinesTheFirstAreTold(t *testing.T) {
	_, outcome, err := addresses.Parse(strings.Repeat("x\n", 1000), addresses.Reading{Format: addresses.Plain, Now: now})
	if err != nil || outcome.Bad != 1000 || outcome.Read != 1000 || len(outcome.Told) != 20 {
		t.Error(outcome.Bad, outcome.Read, len(outcome.Told), err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"192.0.2.1 90m # x\n2001:db8::/32\n192.0.2.0-192.0.2.9", "a,ip,until\n1,\"192.0.2.1\",2026-12-01\n", `{"p":[{"ip":"192.0.2.1","until":"1h"}]}`,
		"create a hash:net timeout 9\nadd a 192.0.2.0/24 nomatch\nadd a ::/0 timeout 8\n", "::ffff:0:0/90\n", "0.0.0.0/0\n0.0.0.0-255.255.255.254",
	} {
		for kind := range uint8(8) {
			f.Add(kind, seed)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, text string) {
		r := addresses.Reading{Format: []addresses.Format{addresses.Plain, addresses.CSV, addresses.JSON, addresses.IPSet}[kind%4], Now: now, MaxEntries: 500}
		if kind >= 4 {
			r.Column, r.Until, r.Fields, r.Widest4, r.Widest6 = "ip", "until", []string{"p.ip", "*"}, 8, 16
		}
		s, outcome, err := addresses.Parse(text, r)
		if len(outcome.Told) > 20 || outcome.Bad > outcome.Read {
			t.Fatalf("%+v", outcome)
		}
		if err != nil {
			return
		}
		if s.Len() > r.MaxEntries || s.Len() != outcome.Entries {
			t.Fatalf("%d entries, told %d", s.Len(), outcome.Entries)
		}
		var entries []addresses.Match
		for m := range s.All() {
			if m.Prefix != m.Prefix.Masked() || m.Prefix.Addr().Is4In6() && m.Prefix.Bits() >= 96 || m.Line < 1 || !m.Until.IsZero() && !m.Until.After(now) {
				t.Fatalf("%+v", m)
			}
			entries = append(entries, m)
		}
		for i, m := range entries {
			got, found := s.Find(m.Prefix.Addr(), now)
			want, _ := naive(entries, m.Prefix.Addr())
			if !strings.Contains(text, "nomatch") && (!found || got != want) {
				t.Fatalf("%+v of %d: %+v, want %+v", m, i, got, want)
			}
		}
	})
}

func ExampleSet_Find() {
	s, _, _ := addresses.Parse("192.0.2.0/24\n192.0.2.7 # the printer\n", addresses.Reading{Format: addresses.Plain})
	m, _ := s.Find(netip.MustParseAddr("192.0.2.7"), time.Now())
	fmt.Println(m.Prefix, m.Line)
	// Output: 192.0.2.7/32 2
}
