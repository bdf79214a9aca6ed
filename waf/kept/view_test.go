package kept

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// shelf is a store with what it is given, that remembers changes.
type shelf struct {
	loaded  Loaded
	loads   int
	changes []Change
}

func (s *shelf) Load(Key) Loaded { s.loads++; return s.loaded }
func (s *shelf) Change(c Change) { s.changes = append(s.changes, c) }

func parse(t *testing.T, action string) *Act {
	t.Helper()
	name, arg, _ := strings.Cut(action, ":")
	a, err := ParseAct(name, arg)
	if err != nil {
		t.Fatal(err)
	}
	return &a
}

func TestView(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		acts []string
		want string // steps
		see  string // of a, b and c
	}{
		{[]string{"keepvar:ip.a=+1"}, "a +1", "6"},
		{[]string{"keepvar:ip.a=+1", "keepvar:ip.a=-3"}, "a -2", "3"},
		{[]string{"keepvar:ip.a=-9"}, "a -5", "0"},
		{[]string{"keepvar:ip.a=-9", "keepvar:ip.a=+2"}, "a -3", "2"},
		{[]string{"keepvar:ip.b=+1"}, "b +1", "5 1"},
		{[]string{"keepvar:ip.b=-1"}, "b 0", "5 0"},
		{[]string{"keepvar:ip.a=x", "keepvar:ip.a=+2"}, "a =2", "2"},
		{[]string{"keepvar:!ip.a"}, "a removed", ""},
		{[]string{"keepvar:!ip.a", "keepvar:ip.a=+2"}, "a =2", "2"},
		{[]string{"keepvar:ip.a="}, "a =", "-"},
		{[]string{"keepvar:ip.a=+"}, "a 0", "5"},
		{[]string{"keepvar:ip.a=+x"}, "a =+x", "+x"},
		{[]string{"expirevar:ip.b=60", "keepvar:ip.b=1"}, "b =1 for 1m0s", "5 1"},
		{[]string{"expirevar:ip.a=60", "expirevar:ip.a=5"}, "a for 5s", "5"},
		{[]string{"deprecatevar:ip.a=1/60"}, "a -2", "3"},
		{[]string{"deprecatevar:ip.a=100/60"}, "a -5", "0"},
		{[]string{"deprecatevar:ip.a=1/600"}, "", "5"},
		{[]string{"deprecatevar:ip.b=1/60"}, "", "5"},
		{[]string{"keepvar:session.a=1"}, "", "5"},
		{[]string{"keepvar:ip.timeout=60"}, "", "5"},
		{[]string{"keepvar:ip.a=" + strings.Repeat("x", MaxValue+1)}, "", "5"},
		{[]string{"initcol:ip=other"}, "", "5"},
	} {
		s := &shelf{loaded: Loaded{Now: now, Created: now.Add(-time.Hour), Updated: now.Add(-150 * time.Second), Updates: 7, Variables: map[string]string{"a": "5"}}}
		v := NewView(&Plan{Timeout: time.Hour}, s)
		v.Begin(IP, "192.0.2.1")
		for _, text := range tt.acts {
			a := parse(t, text)
			v.Do(a, a.Text)
		}
		var see []string
		for _, name := range []string{"a", "b", "c"} {
			if value, ok := v.Variable(IP, name); ok {
				if value == "" {
					value = "-"
				}
				see = append(see, value)
			}
		}
		if got := strings.Join(see, " "); got != tt.see {
			t.Errorf("%v: sees %q, want %q", tt.acts, got, tt.see)
		}
		v.Keep()
		var got []string
		for _, c := range s.changes {
			for _, step := range c.Steps {
				text := step.Name
				switch step.Op {
				case Set:
					text += " =" + step.Text
				case Add:
					text += " " + strings.Replace(fmt.Sprintf("%+d", step.N), "+0", "0", 1)
				case Remove:
					text += " removed"
				}
				if step.Expire > 0 {
					text += " for " + step.Expire.String()
				}
				got = append(got, text)
			}
		}
		if strings.Join(got, ",") != tt.want {
			t.Errorf("%v: keeps %q, want %q", tt.acts, got, tt.want)
		}
	}
}

func TestViewAgain(t *testing.T) {
	s := &shelf{loaded: Loaded{New: true}}
	v := NewView(&Plan{Timeout: time.Minute}, s)
	for range 3 {
		v.Again()
		v.Begin(Session, "x")
		v.Begin(Session, "y")
		v.Do(parse(t, "keepvar:session.a=+1"), "+1")
	}
	apart := v.Apart()
	apart.Begin(Session, "x")
	apart.Do(parse(t, "keepvar:session.a=+5"), "+5")
	apart.Keep()
	v.Keep()
	if s.loads != 1 || len(s.changes) != 1 || s.changes[0].Steps[0].N != 1 || s.changes[0].Timeout != time.Minute || s.changes[0].Key != NewKey(Session, "x") {
		t.Errorf("loaded %d times, %+v", s.loads, s.changes)
	}
	var none *View
	none.Begin(IP, "x")
	none.Do(parse(t, "keepvar:ip.a=1"), "1")
	none.Again()
	none.Keep()
	if _, ok := none.Variable(IP, "a"); ok || none.Apart() != nil || none.Changes() != nil || none.Names(IP) != nil {
		t.Error("a view that is none sees something")
	}
}

func TestParseAct(t *testing.T) {
	for _, tt := range []struct{ action, want string }{
		{"initcol:ip=%{REMOTE_ADDR}", ""}, {"initcol:GLOBAL=global", ""}, {"setsid:x", ""}, {"setuid:x", ""}, {"setrsc:x", ""},
		{"initcol:place=x", "does not say which collection"}, {"initcol:ip", "does not say which"}, {"setsid:", "no name for the collection"},
		{"keepvar:ip.x=1", ""}, {"keepvar:!ip.x", ""}, {"keepvar:ip.x", "has no value"}, {"keepvar:tx.x=1", "is not about a variable of"},
		{"keepvar:ip.=1", "has 1 to 64 bytes"}, {"keepvar:ip.%{ARGS.x}=1", "nothing that a request decides"},
		{"keepvar:ip.key=1", "cannot be changed"}, {"keepvar:!ip.timeout", "cannot be changed"}, {"keepvar:ip.TIMEOUT=5", ""},
		{"expirevar:ip.x=60", ""}, {"expirevar:ip.x=%{tx.t}", ""}, {"expirevar:ip.x=0", "no number of seconds"}, {"expirevar:ip.x", "has no value"},
		{"deprecatevar:ip.x=60/300", ""}, {"deprecatevar:ip.x=60", "write 60/300"}, {"deprecatevar:ip.x=0/1", "write 60/300"},
	} {
		name, arg, _ := strings.Cut(tt.action, ":")
		_, err := ParseAct(name, arg)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.action, err, tt.want)
		}
	}
	if Check("setvar", "ip.x=1") != nil || Check("setvar", "tx.x=1") == nil {
		t.Error("setvar is not checked as what it becomes")
	}
}

func TestKeys(t *testing.T) {
	seen := map[Key]string{}
	for _, kind := range []Kind{Global, IP, Session, User, Resource} {
		for _, name := range []string{"", "a", "b", "ip", "ab"} {
			k := NewKey(kind, name)
			if before, ok := seen[k]; ok {
				t.Errorf("%v %s has the key of %s", kind, name, before)
			}
			seen[k] = kind.String() + name
		}
		if k, ok := KindOf(kind.String()); !ok || k != kind {
			t.Errorf("%v", kind)
		}
		if k, name, ok := FromTX(InTX(kind, "A.b")); !ok || k != kind || name != "a.b" {
			t.Errorf("%v %s", k, name)
		}
	}
	if _, _, ok := FromTX("wafer.place.x"); ok {
		t.Error("a collection that is none")
	}
	p := Plan{}
	p.Uses(IP, "x")
	p.Uses(IP, "x")
	if !slices.Equal(p.Names[IP], []string{"x"}) {
		t.Error(p.Names)
	}
}
