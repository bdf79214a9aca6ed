package corpus

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

const (
	acceptPage = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
	acceptJSON = "application/json, text/plain, */*"
)

// browse is the head that a browser sends for a page.
func (a *author) browse(kind, method, target string) Request {
	b := a.start(kind, method, target)
	b.add("Accept", a.one([]string{acceptPage, acceptPage + ";v=b3;q=0.7", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}))
	b.add("Upgrade-Insecure-Requests", "1")
	a.fetch(b, "navigate", "document")
	if a.chance(30) {
		b.add("Cache-Control", a.one([]string{"max-age=0", "no-cache"}))
	}
	if a.chance(20) {
		b.add("Priority", "u=0, i")
	}
	a.finish(b)
	return b.Request
}

// call is the head that a page's script or an app sends to an API.
func (a *author) call(kind, method, target string) Request {
	b := a.start(kind, method, target)
	b.add("Accept", a.one([]string{acceptJSON, "application/json", "*/*"}))
	switch a.IntN(4) {
	case 0:
		b.add("Authorization", "Bearer "+a.token())
	case 1:
		b.add("X-CSRF-Token", a.alnum(43)+"=")
	case 2:
		b.add("X-Requested-With", "XMLHttpRequest")
	}
	if a.chance(40) {
		b.add("traceparent", "00-"+a.hex(32)+"-"+a.hex(16)+"-01")
	}
	if a.chance(30) {
		b.add("X-Request-Id", a.uuid())
	}
	a.fetch(b, "cors", "empty")
	a.finish(b)
	return b.Request
}

// builder is a request whose head is being written.
type builder struct {
	Request
	client client
}

func (b *builder) add(name, value string) { b.Header = append(b.Header, Field{name, value}) }

func (a *author) start(kind, method, target string) *builder {
	b := &builder{Request: Request{Kind: kind, Method: method, Target: target}, client: clients[a.IntN(len(clients))]}
	b.add("Host", Host)
	b.add("Connection", "keep-alive")
	if c := b.client; c.brands != "" {
		b.add("sec-ch-ua", c.brands)
		b.add("sec-ch-ua-mobile", c.mobile)
		b.add("sec-ch-ua-platform", c.platform)
	}
	b.add("User-Agent", b.client.agent)
	return b
}

func (a *author) fetch(b *builder, mode, dest string) {
	if b.client.plain {
		return
	}
	b.add("Sec-Fetch-Site", a.one([]string{"same-origin", "same-origin", "none", "cross-site"}))
	b.add("Sec-Fetch-Mode", mode)
	b.add("Sec-Fetch-Dest", dest)
	if mode == "navigate" {
		b.add("Sec-Fetch-User", "?1")
	}
}

func (a *author) finish(b *builder) {
	if b.Method != "GET" {
		b.add("Origin", "https://"+Host)
	}
	if a.chance(80) {
		b.add("Referer", a.referer())
	}
	b.add("Accept-Encoding", a.one([]string{"gzip, deflate, br", "gzip, deflate, br, zstd", "gzip, deflate"}))
	b.add("Accept-Language", a.one(languages))
	if a.chance(15) {
		b.add(a.one([]string{"DNT", "Sec-GPC"}), "1")
	}
	if a.chance(90) {
		b.add("Cookie", a.cookies())
	}
	if b.Method == "GET" && a.chance(15) {
		b.add("If-None-Match", `W/"`+a.hex(a.between(8, 32))+`"`)
	}
	if b.Method == "GET" && a.chance(10) {
		b.add("If-Modified-Since", a.moment().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	}
}

func (a *author) referer() string {
	switch a.IntN(8) {
	case 0:
		return "https://www.google.com/"
	case 1:
		return "https://" + Host + "/" + a.one(sections) + "?utm_source=newsletter&utm_medium=email&utm_campaign=" + a.one(sections) + "_2026&mc_eid=" + a.hex(10)
	case 2:
		return "https://www.search.example.org/search?q=" + url.QueryEscape(a.query()) + "&hl=" + a.one([]string{"de", "en", "fr"})
	case 3:
		return "https://" + Host + "/" + a.one(sections) + "/" + a.slug() + "?gclid=" + a.alnum(40) + "_BwE"
	case 4:
		return "https://" + Host + "/"
	}
	return "https://" + Host + "/" + a.one(sections) + "/" + a.slug()
}

// cookies are a session and what else has gathered in a browser.
func (a *author) cookies() string {
	at := a.moment().Unix()
	random := func() int { return a.between(100000000, 2147483647) }
	session := [...]string{
		"session_id=" + a.hex(32), "PHPSESSID=" + a.of(digits+"abcdefghijklmnopqrstuv", 26), "sid=s%3A" + a.alnum(32) + "." + url.QueryEscape(a.base64(32)),
		"JSESSIONID=" + strings.ToUpper(a.hex(32)) + ".node" + strconv.Itoa(a.between(1, 9)), "connect.sid=" + a.uuid(), "auth=" + a.token(),
	}
	list := []string{session[a.IntN(len(session))]}
	others := []func() string{
		func() string { return fmt.Sprintf("_ga=GA1.1.%d.%d", random(), at) },
		func() string {
			return fmt.Sprintf("_ga_%s=GS2.1.s%d$o%d$g1$t%d$j%d$l0$h0", strings.ToUpper(a.alnum(10)), at, a.between(1, 40), at+600, a.between(1, 60))
		},
		func() string { return fmt.Sprintf("_gid=GA1.2.%d.%d", random(), at) },
		func() string { return fmt.Sprintf("_fbp=fb.1.%d%03d.%d", at, a.IntN(1000), random()) },
		func() string { return fmt.Sprintf("_gcl_au=1.1.%d.%d", random(), at) },
		func() string { return "theme=" + a.one([]string{"light", "dark", "auto"}) },
		func() string { return "locale=" + a.one([]string{"de-DE", "en_US", "fr", "pl-PL"}) },
		func() string {
			return "tz=" + url.QueryEscape(a.one([]string{"Europe/Berlin", "America/New_York", "Asia/Tokyo"}))
		},
		func() string { return "csrftoken=" + a.alnum(32) },
		func() string {
			return "consent=" + url.QueryEscape(encode(object{"necessary": true, "statistics": a.chance(50), "marketing": a.chance(30), "version": a.between(1, 9), "at": a.iso()}))
		},
		func() string {
			return "OptanonConsent=isGpcEnabled=0&datestamp=" + url.QueryEscape(a.moment().Format("Mon Jan 02 2006 15:04:05 GMT+0100")) + "&version=202409.1.0&consentId=" + a.uuid() + "&groups=C0001%3A1%2CC0002%3A" + strconv.Itoa(a.IntN(2)) + "%2CC0003%3A0"
		},
		func() string { return "cart=" + a.base64(a.between(20, 120)) },
		func() string {
			return "recently_viewed=" + fmt.Sprintf("%d%%2C%d%%2C%d", a.between(1000, 99999), a.between(1000, 99999), a.between(1000, 99999))
		},
		func() string { return "ab_" + a.one(sections) + "=" + a.one([]string{"control", "variant-b", "1"}) },
	}
	a.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	for _, f := range others[:a.between(1, 7)] {
		list = append(list, f())
	}
	return strings.Join(list, "; ")
}
