package waf

import (
	"fmt"
	"slices"
	"testing"
)

// TestSpellings holds attacks that some framework would read, and that are not what most read.
func TestSpellings(t *testing.T) {
	e := mustEngine(t)
	const attack = "'+union+select+password+from+users--+-"
	form := func(body string) (*Request, string) {
		return post("/", "application/x-www-form-urlencoded", body), body
	}
	cookie := func(text string) (*Request, string) { return get("/", Header{Name: "Cookie", Value: text}), "" }
	query := func(text string) (*Request, string) { return get("/?" + text), "" }
	for name, make := range map[string]func() (*Request, string){
		"two spellings":             func() (*Request, string) { return form("q=1" + attack + "&Q=ok") },
		"two spellings, the second": func() (*Request, string) { return form("Q=ok&x=1&q=1" + attack) },
		"Kelvin sign":               func() (*Request, string) { return form("k=1" + attack + "&%E2%84%AA=ok") },
		"two spellings in a query":  func() (*Request, string) { return query("q=1" + attack + "&Q=ok") },
		"semicolon":                 func() (*Request, string) { return query("a=b;file=%2fetc%2fpasswd") },
		"joined":                    func() (*Request, string) { return query("q=1'+union/*&Q=*/select+password+from+users--+-") },
		"unicode escapes":           func() (*Request, string) { return query("q=%u003cscript%u003ealert(1)%u003c/script%u003e") },
		"loose percent signs":       func() (*Request, string) { return form("q=1'+un%ion+se%lect+password+fr%om+users--+-") },
		"overlong":                  func() (*Request, string) { return query("q=%c0%bcscript%c0%bealert(1)%c0%bc/script%c0%be") },
		"two cookies":               func() (*Request, string) { return cookie("s=1; s=1' union select password from users-- -") },
		"two spellings of a cookie": func() (*Request, string) { return cookie("s=1' union select password from users-- -; S=1") },
		"escaped command":           func() (*Request, string) { return cookie("s=x%3Bcat%20%2Fetc%2Fpasswd") },
		"escaped code":              func() (*Request, string) { return cookie("s=%3C%3Fphp%20system(%24_GET%5B1%5D)%3B") },
		"octal cookie":              func() (*Request, string) { return cookie(`s="1\047 union select password from users\055\055 \055"`) },
		"backslashes in a cookie":   func() (*Request, string) { return cookie(`s="\<\s\c\r\i\p\t\>alert(1)\<\/script\>"`) },
		"semicolons in a cookie":    func() (*Request, string) { return cookie(`s="<?php system($_GET[1]);?>"`) },
		"cookie in a cookie":        func() (*Request, string) { return cookie(`$Version=1; a=b,s="1' or 1=1-- -"`) },
		"JSON in a cookie":          func() (*Request, string) { return cookie(`s=j%3A%7B%22q%22%3A%22%5Cu003cscript%5Cu003e%22%7D`) },
		"overlong path":             func() (*Request, string) { return get("/a/%c0%bcscript%c0%bealert(1)"), "" },
		"path parameter":            func() (*Request, string) { return get("/a;q=%3Cscript%3Ealert(1)%3C%2fscript%3E/b"), "" },
		"segment":                   func() (*Request, string) { return get("/a/x%27%20or%201=1--%20%2f"), "" },
	} {
		t.Run(name, func(t *testing.T) {
			r, body := make()
			tx := e.Begin(t.Context(), Terms{ID: "id-1", Gate: closed{}})
			if passed(tx.RequestHead(r)) && passed(tx.RequestBody([]byte(body), true)) {
				t.Error("clean to the screen")
			}
			if _, err := tx.Finish(); err != nil {
				t.Fatal(err)
			}
			var first []string
			for range 5 {
				r, body := make()
				v, f := run(t, e, r, body)
				if !v.Blocks() {
					t.Fatalf("passes, rules %v", ids(f))
				}
				found := fmt.Sprint(ids(f))
				if first = append(first, found); found != first[0] {
					t.Fatalf("found %v, then %v", first[0], found)
				}
			}
		})
	}
}

// TestSpellingsOrdinary holds requests that have several readings and nothing to hide.
func TestSpellingsOrdinary(t *testing.T) {
	e := mustEngine(t)
	consent := "OptanonConsent=isGpcEnabled=0&datestamp=Mon+Nov+30+2026+10%3A15%3A00+GMT%2B0100+(Central+European+Standard+Time)" +
		"&version=202409.1.0&browserGpcFlag=0&isIABGlobal=false&hosts=&landingPath=https%3A%2F%2Fshop.example%2Fde%2F%3Futm_source%3Dx%26id%3D5&groups=C0001%3A1%2CC0002%3A0"
	for name, r := range map[string]*Request{
		"package":       get("/@scope%2Fname"),
		"tarball":       get("/@types%2fnode/-/node-22.0.0.tgz"),
		"project":       get("/api/v4/projects/group%2Fsub%2Fproject/repository/files/src%2Fmain.go/raw?ref=main"),
		"archive":       get("/web/20200101000000/http://www.example.com/a//b.html"),
		"wiki":          get("/wiki/C%252B%252B_(disambiguation)"),
		"proxied image": get("/image/https%3A%2F%2Fcdn.example.com%2Fa%2520b.jpg;w=200,h=100"),
		"session":       get("/shop/item.do;jsessionid=1A2B3C4D.node1?id=5"),
		"slashes":       get("//index.html"),
		"facets":        get("/s?color=red&color=blue&size=M&size=L&price=10-20"),
		"percent":       get("/s?q=100%&w=50%+off"),
		"html":          get("/s?a=1&amp;b=2&amp;page=3"),
		"semicolons":    get("/fonts?family=Roboto:ital,wght@0,400;0,700;1,400&display=swap"),
		"emoji":         get("/s?q=%F0%9F%98%80+%E0%A4%95"),
		"checkboxes":    get("/s?user%5Badmin%5D=0&user%5Badmin%5D=1&tag[]=a&tag[]=b"),
		"consent":       get("/", Header{Name: "Cookie", Value: consent}),
		"JSON cookie":   get("/", Header{Name: "Cookie", Value: `prefs=%7B%22theme%22%3A%22dark%22%2C%22lang%22%3A%22de%22%2C%22tabs%22%3A%5B1%2C2%5D%7D; x={"a":1,"b":"c d"}`}),
		"rails cookie":  get("/", Header{Name: "Cookie", Value: "_app_session=QmFzZTY0%2BZGF0YQ%3D%3D--0a1b2c3d; remember=eyJfcmFpbHMiOnsiZGF0YSI6IjEifX0%3D--af3c"}),
		"quoted cookie": get("/", Header{Name: "Cookie", Value: `uid="12:ab cd"; v="a\"b"`}),
		"date cookie":   get("/", Header{Name: "Cookie", Value: "seen=Mon, 30 Nov 2026 10:00:00 GMT; n=1,234"}),
	} {
		t.Run(name, func(t *testing.T) {
			if v, f := run(t, e, r, ""); v.Blocks() || len(f.Matches) > 0 {
				t.Errorf("%+v, rules %v", v, ids(f))
			}
		})
	}
}

// TestSpellingsAsOne holds that a policy's own rule for an argument sees every spelling of its value.
func TestSpellingsAsOne(t *testing.T) {
	e := mustEngine(t, func(p *Policy) {
		p.RulesBefore = []RuleText{{Source: "test", Text: `SecRule ARGS:id "!@rx ^[0-9]*$" "id:10000,phase:2,deny,status:403,log"`}}
	})
	for _, target := range []string{"/?id=x", "/?ID=x&id=1", "/?id=1&Id=x", "/?%20id=x", "/?id%00y=x", "/?a=1;id=x"} {
		v, f := run(t, e, get(target), "")
		if !v.Blocks() || !slices.Contains(ids(f), 10000) {
			t.Errorf("%s: %+v, rules %v", target, v, ids(f))
		}
	}
}

// TestSameFindings sends values that share a name, or have none, again and again: what the rules find in one of
// them does not depend on the order in which Coraza happens to take them.
func TestSameFindings(t *testing.T) {
	e := mustEngine(t, func(p *Policy) { p.ScreenOff = true; paranoid(p, 3) })
	for _, body := range []string{
		"=a&=b&=%3Cscript%3Ealert(1)%3C/script%3E&=c&x=1&y=2&z=3",
		"q=a;b&q=1'+UNION+SELECT+a+FROM+b--+-;c&Q=%u0041&q=x,y&r=1&s=2&t=3",
		"a=*/+%5cu0026%26%23x26;%c3%a9/*%2f*%26%23x26;/*%2f*%5cu0026*/%5c%5cx5c%c3%a9*/%ff%ff*/%26%23x26;%00%5c&b=1&c=2",
	} {
		want := ""
		for range 25 {
			_, f := run(t, e, post("/", "application/x-www-form-urlencoded", body), body)
			if got := fmt.Sprint(ids(f)); want == "" {
				want = got
			} else if got != want {
				t.Errorf("%s: %s, another time %s", body, got, want)
				break
			}
		}
	}
}
