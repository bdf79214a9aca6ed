package challenge

import (
	"net/url"
	"strings"
	"testing"
)

func TestBack(t *testing.T) {
	long := "/" + strings.Repeat("a", longestBack)
	for target, want := range map[string]string{
		"/": "/", "/a/b?c=d&e=%20": "/a/b?c=d&e=%20", "/?u=http://evil.test/": "/?u=http://evil.test/",
		"/a?" + long: "/a", long: "/", "": "/", "*": "/", "a": "/",
		"//evil.test": "/", "///evil.test": "/", `/\evil.test`: "/", `\\evil.test`: "/", `/a\..\\evil.test`: "/",
		"/\t/evil.test": "/", "/\n/evil.test": "/", "/\r\nSet-Cookie: a=b": "/", "/\x00": "/", "/ /evil.test": "/", "/\x7f": "/",
		"http://evil.test/": "/", "https:evil.test": "/", "javascript:alert(1)": "/", "?a": "/", "#a": "/", "/a#b": "/",
		"/é": "/", `/"onload="`: "/", "/<b>": "/", Path + "?puzzle=1": "/", Prefix: "/", "/.well-known/other": "/.well-known/other",
	} {
		if got := Back(target); got != want {
			t.Errorf("Back(%q) = %q, want %q", target, got, want)
		}
	}
}

// FuzzBack wants a way back never to lead to another site, whatever the request's target is.
func FuzzBack(f *testing.F) {
	for _, s := range []string{"/", "/a?b", "//evil.test", `/\evil.test`, "/\t/evil.test", "/%2f/evil.test", "/.//evil.test", "/;@evil.test"} {
		f.Add(s)
	}
	base, _ := url.Parse("https://shop.test/from/here?x")
	f.Fuzz(func(t *testing.T, target string) {
		back := Back(target)
		// As browsers do: what they do not see is gone, and a backslash is a slash.
		seen := strings.ReplaceAll(strings.Map(func(r rune) rune {
			if r <= ' ' || r == 0x7f {
				return -1
			}
			return r
		}, back), `\`, "/")
		if seen != back {
			t.Fatalf("Back(%q) = %q, which browsers see as %q", target, back, seen)
		}
		to, err := base.Parse(back)
		if err == nil && (to.Scheme != "https" || to.Host != "shop.test" || to.User != nil) {
			t.Fatalf("Back(%q) = %q leads to %s", target, back, to)
		}
		if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || len(back) > longestBack {
			t.Fatalf("Back(%q) = %q", target, back)
		}
	})
}

// FuzzToken wants no text but the token itself to let anybody in, and every slip that is read to be written the same.
func FuzzToken(f *testing.F) {
	c, who := asking(f, nil, secretA), client()
	given := slip{kind: worked, nonce: [8]byte{1}, issued: uint32(noon.Unix()), within: 300, bits: 8} // the same in every process
	given.sign(c.o.Keys.all[0], &who, "")
	good := given.String()
	puzzle, _ := puzzleOf(f, c.Ask(&who, "/", "id", noon))
	for _, s := range []string{good, puzzle, "", good[1:], strings.ToUpper(good), strings.Repeat("0", textSize), "a=b; wafer-pass=" + good} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, ok := parse(text); ok && s.String() != text {
			t.Fatalf("%q is read, and written as %q", text, s.String())
		}
		if c.token(text, &who, false, noon) == In && text != good {
			t.Fatalf("%q lets in", text)
		}
		in := c.Stands(cookies(text), &who, false, noon) == In
		if in && !strings.Contains(text, good) {
			t.Fatalf("cookie %q lets in", text)
		}
	})
}

// FuzzAnswer wants nothing but the answer to the puzzle to give a token.
func FuzzAnswer(f *testing.F) {
	c, who := asking(f, func(o *Options) { o.Bits = MostBits }, secretA), client()
	puzzle, back := puzzleOf(f, c.Ask(&who, "/", "id", noon))
	e := NewEndpoint(NewGuard(), c.o.Keys)
	f.Add(posted(who, puzzle, "1", back, noon).Body, "puzzle="+puzzle+"&back=/")
	f.Add([]byte("back=//evil.test"), "back=%2f%2fevil.test")
	f.Fuzz(func(t *testing.T, body []byte, query string) {
		for _, a := range []*Answer{
			{Method: "POST", Path: Path, Body: body, Client: who, Now: noon},
			{Method: "GET", Path: Path, Query: query, Client: who, Now: noon},
		} {
			e.guard = NewGuard()
			r, outcome := e.Take(a)
			if r.Fields.Get("Set-Cookie") != "" || r.Fields.Get("Location") != "" {
				t.Fatalf("%s %q gives %q", outcome, body, r.Fields)
			}
		}
	})
}
