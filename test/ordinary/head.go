package ordinary

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/test/corpus"
)

// client is who sends: a browser with its client hints, or an app, which has none.
type client struct {
	agent, brands, mobile, platform string
	app                             bool
}

func (a *author) client() client {
	major := strconv.Itoa(a.between(120, 142))
	chrome := func(system, product, mobile, platform, suffix string) client {
		grease := a.one([]string{`"Not?A_Brand";v="99"`, `"Not/A)Brand";v="8"`, `"Not;A=Brand";v="24"`, `"Not(A:Brand";v="24"`, `" Not A;Brand";v="99"`, `"Not_A Brand";v="8"`, `"Not.A/Brand";v="8"`, `"Not)A;Brand";v="24"`})
		return client{
			agent:  "Mozilla/5.0 (" + system + ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/" + major + ".0.0.0 " + suffix,
			brands: `"Chromium";v="` + major + `", "` + product + `";v="` + major + `", ` + grease, mobile: mobile, platform: `"` + platform + `"`,
		}
	}
	switch a.IntN(12) {
	case 0, 1, 2, 3:
		return chrome("Windows NT 10.0; Win64; x64", "Google Chrome", "?0", "Windows", "Safari/537.36")
	case 4:
		return chrome("Macintosh; Intel Mac OS X 10_15_7", "Google Chrome", "?0", "macOS", "Safari/537.36")
	case 5:
		return chrome("Linux; Android 10; K", "Google Chrome", "?1", "Android", "Mobile Safari/537.36")
	case 6:
		return chrome("Windows NT 10.0; Win64; x64", "Microsoft Edge", "?0", "Windows", "Safari/537.36 Edg/"+major+".0.0.0")
	case 7:
		return client{agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:" + major + ".0) Gecko/20100101 Firefox/" + major + ".0"}
	case 8:
		return client{agent: "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:" + major + ".0) Gecko/20100101 Firefox/" + major + ".0"}
	case 9:
		return client{agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_" + a.digits(1) + " like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18." + a.digits(1) + " Mobile/15E148 Safari/604.1"}
	case 10:
		return client{agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/" + a.digits(3) + ".0.0.49.104;FBBV/" + a.digits(9) + ";FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.5.1;FBSS/3;FBID/phone;FBLC/de_DE;FBOP/5]"}
	}
	return client{agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18." + a.digits(1) + " Safari/605.1.15"}
}

func (a *author) app() client {
	return client{app: true, agent: a.one([]string{
		"okhttp/4.12.0", "Dart/3.5 (dart:io)", "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP2A.240805.005)",
		a.one(brands) + "/" + a.version() + " CFNetwork/1498.700.2 Darwin/23.6.0", "axios/1.7.7", "ktor-client",
		a.one(brands) + "App/" + a.version() + " (com.example.app; build:" + a.digits(4) + "; iOS 18.1.0) Alamofire/5.9.1",
		"Mozilla/5.0 (Linux; Android 13; SM-A536B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/128.0.6613.127 Mobile Safari/537.36",
	})}
}

// builder is a request that is being written.
type builder struct {
	Request
	a      *author
	client client
}

func (b *builder) add(name, value string) *builder {
	b.Header = append(b.Header, corpus.Field{Name: name, Value: value})
	return b
}

// body ends the request with a body; no media type is none at all.
func (b *builder) body(mediaType, body string) Request {
	if mediaType != "" {
		b.add("Content-Type", mediaType)
	}
	b.add("Content-Length", strconv.Itoa(len(body)))
	b.Body = []byte(body)
	return b.Request
}

// start writes what every request begins with.
func (a *author) start(c client, method, host, target string) *builder {
	b := &builder{Request: Request{Method: method, Target: target}, a: a, client: c}
	b.add("Host", host)
	if c.brands != "" {
		b.add("sec-ch-ua", c.brands).add("sec-ch-ua-mobile", c.mobile).add("sec-ch-ua-platform", c.platform)
	}
	b.add("User-Agent", c.agent)
	return b
}

// navigate is a browser that opens a page.
func (a *author) navigate(method, target string) *builder {
	host := "www." + a.one(sites)
	b := a.start(a.client(), method, host, target)
	b.add("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"+a.one([]string{"", ",application/signed-exchange;v=b3;q=0.7"}))
	b.add("Upgrade-Insecure-Requests", "1")
	a.fetch(b, a.one([]string{"none", "same-origin", "cross-site"}), "navigate", "document")
	if method == "POST" {
		b.add("Origin", "https://"+host)
	}
	if a.chance(75) {
		b.add("Referer", a.one([]string{"https://" + host + "/", "https://www.google.com/", a.page(), "https://t.co/"}))
	}
	a.finish(b)
	return b
}

// call is a page's script that asks its own site, and others is one that asks somebody else's.
func (a *author) call(method, target string) *builder {
	host := a.one([]string{"www.", "api.", "app."}) + a.one(sites)
	return a.script(method, host, target, "same-origin", "https://"+host+"/"+a.one([]string{"", a.one(sections) + "/" + a.slug()}))
}

func (a *author) others(method, target string) *builder {
	host := a.one([]string{"api", "events", "collect", "t", "ads", "sync", "cdn", "beacon", "widget", "rum"}) + "." + a.one([]string{"tracker", "metrics", "adtech", "widgets", "cloud"}) + ".example.net"
	page := a.page()
	if a.chance(60) { // strict-origin-when-cross-origin is the default
		page = page[:strings.IndexByte(page[8:], '/')+9]
	}
	return a.script(method, host, target, "cross-site", page)
}

func (a *author) script(method, host, target, site, referer string) *builder {
	c := a.client()
	b := a.start(c, method, host, target)
	b.add("Accept", a.one([]string{"*/*", "*/*", "application/json, text/plain, */*", "application/json", "application/json, text/javascript, */*; q=0.01"}))
	if a.chance(10) {
		b.add("X-Requested-With", "XMLHttpRequest")
	}
	a.fetch(b, site, "cors", "empty")
	if method != "GET" || site == "cross-site" {
		origin := referer[:strings.IndexByte(referer[8:], '/')+8]
		b.add("Origin", origin)
	}
	if a.chance(90) {
		b.add("Referer", referer)
	}
	a.finish(b)
	return b
}

// subresource is what a page loads by its markup: a picture, a script, a style, a font.
func (a *author) subresource(dest, target string) *builder {
	host := a.one([]string{"www.", "static.", "cdn.", "img.", "assets."}) + a.one(sites)
	b := a.start(a.client(), "GET", host, target)
	b.add("Accept", map[string]string{
		"image": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "style": "text/css,*/*;q=0.1",
	}[dest])
	if dest != "image" && dest != "style" {
		b.Header[len(b.Header)-1].Value = "*/*"
	}
	a.fetch(b, a.one([]string{"same-origin", "same-site", "cross-site"}), map[bool]string{true: "cors", false: "no-cors"}[dest == "font"], dest)
	b.add("Referer", a.page())
	a.finish(b)
	return b
}

// native is an app that asks its server.
func (a *author) native(method, target string) *builder {
	b := a.start(a.app(), method, "api."+a.one(sites), target)
	b.add("Accept", a.one([]string{"application/json", "*/*"})).add("Accept-Encoding", "gzip")
	if a.chance(60) {
		b.add("Authorization", "Bearer "+a.one([]string{a.jwt(), a.safe(64)}))
	}
	b.add(a.one([]string{"X-App-Version", "X-Client-Version"}), a.version()).add("X-Device-Id", a.uuid())
	b.add(a.one([]string{"X-Request-Id", "traceparent", "X-B3-TraceId"}), a.hex(32))
	if a.chance(30) {
		b.add("X-Device-Info", encode(object{"os": "Android 14", "model": "Pixel 8", "locale": "de_DE"}))
	}
	return b
}

func (a *author) fetch(b *builder, site, mode, dest string) {
	if strings.Contains(b.client.agent, "FBAN") {
		return
	}
	b.add("Sec-Fetch-Site", site).add("Sec-Fetch-Mode", mode)
	if mode == "navigate" && a.chance(80) {
		b.add("Sec-Fetch-User", "?1")
	}
	b.add("Sec-Fetch-Dest", dest)
}

func (a *author) finish(b *builder) {
	b.add("Accept-Encoding", "gzip, deflate, br, zstd")
	b.add("Accept-Language", a.one([]string{"en-US,en;q=0.9", "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "fr-FR,fr;q=0.9", "ja", "pt-BR,pt;q=0.9", "en-GB,en;q=0.5", "zh-CN,zh;q=0.9", "ru,en;q=0.9"}))
	if share := map[bool]int{true: 20, false: 60}[strings.HasSuffix(b.Header[0].Value, ".example.net")]; a.chance(share) { // third parties have few
		b.add("Cookie", a.cookies())
	}
	if a.chance(20) {
		b.add("Priority", a.one([]string{"u=0, i", "u=1, i", "u=4"}))
	}
	if a.chance(15) {
		b.add("Cache-Control", a.one([]string{"no-cache", "max-age=0"}))
	}
	if b.Method == "GET" && a.chance(10) {
		b.add("If-None-Match", a.one([]string{`W/"`, `"`})+a.hex(16)+`"`)
	}
	if a.chance(5) {
		b.add("X-Client-Data", a.base64(24))
	}
	if a.chance(6) {
		b.add("traceparent", "00-"+a.hex(32)+"-"+a.hex(16)+"-01")
		b.add("tracestate", a.digits(6)+"@nr=0-1-"+a.digits(6)+"-"+a.digits(8)+"-"+a.hex(16)+"----"+strconv.FormatInt(a.millis(), 10))
		b.add("newrelic", a.base64(150))
	}
}

// cookies are what gathers in a browser: sessions, analytics, consent, experiments, each as often
// as sites have it.
func (a *author) cookies() string {
	seconds := func() int64 { return a.moment().Unix() }
	random := func() string { return a.digits(9) }
	all := []struct {
		percent int
		write   func() string
	}{
		{55, func() string { return fmt.Sprintf("_ga=GA1.1.%s.%d", random(), seconds()) }},
		{50, func() string {
			return fmt.Sprintf("_ga_%s=GS2.1.s%d$o%d$g1$t%d$j%d$l0$h%s", strings.ToUpper(a.alnum(10)), seconds(), a.between(1, 40), seconds(), a.between(1, 60), random())
		}},
		{30, func() string { return fmt.Sprintf("_gcl_au=1.1.%s.%d", random(), seconds()) }},
		{25, func() string { return fmt.Sprintf("_fbp=fb.1.%d.%s", a.millis(), random()) }},
		{10, func() string { return "_uetsid=" + a.hex(32) + "|1x2|2|fs" + a.alnum(1) + "|0|1" + a.digits(3) }},
		{12, func() string { return "_clck=" + a.alnum(6) + "%7C2%7Cfsn%7C0%7C1" + a.digits(3) }},
		{10, func() string {
			return "_hjSessionUser_" + a.digits(7) + "=" + a.base64JSON(object{"id": a.uuid(), "created": a.millis(), "existing": true})
		}},
		{5, func() string {
			return "_pk_id." + a.digits(2) + "." + a.hex(4) + "=" + a.hex(16) + "." + strconv.FormatInt(seconds(), 10) + "."
		}},
		{14, func() string {
			return "OptanonConsent=isGpcEnabled=0&datestamp=" + component(a.moment().Format("Mon Jan 02 2006 15:04:05 GMT+0100 (Mitteleuropäische Normalzeit)")) + "&version=202409.1.0&browserGpcFlag=0&isIABGlobal=false&hosts=&consentId=" + a.uuid() + "&interactionCount=1&isAnonUser=1&landingPath=NotLandingPage&groups=C0001%3A1%2CC0002%3A" + strconv.Itoa(a.IntN(2)) + "%2CC0003%3A0&intType=1&geolocation=DE%3BBE&AwaitingReconsent=false"
		}},
		{10, func() string { return "OptanonAlertBoxClosed=" + a.moment().Format("2006-01-02T15:04:05.000Z") }},
		{5, func() string {
			return "CookieConsent={stamp:%27" + component(a.base64(32)) + "%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:false%2Cmarketing:false%2Cmethod:%27explicit%27%2Cver:1%2Cutc:" + strconv.FormatInt(a.millis(), 10) + "%2Cregion:%27de%27}"
		}},
		{6, func() string { return "euconsent-v2=" + a.consent() }},
		{8, func() string {
			return "cookie_consent=" + component(encode(object{"necessary": true, "analytics": a.chance(50), "marketing": false, "date": a.iso()}))
		}},
		{3, func() string { // unencoded JSON in a cookie
			return a.one([]string{"prefs", "experiments", "ab", "cto_bundle_meta"}) + "=" + encode(object{"theme": "dark", "v": a.between(1, 9), a.one(nouns): a.chance(50)})
		}},
		{3, func() string {
			return "optimizelyEndUserId=oeu" + strconv.FormatInt(a.millis(), 10) + "r0." + a.digits(16)
		}},
		{4, func() string {
			return "ajs_user_id=" + component(`"`+a.uuid()+`"`) + "; ajs_anonymous_id=" + component(`"`+a.uuid()+`"`)
		}},
		{2, func() string {
			return "mp_" + a.hex(32) + "_mixpanel=" + component(encode(object{"distinct_id": "$device:" + a.uuid(), "$device_id": a.uuid(), "$initial_referrer": a.page(), "$initial_referring_domain": "www.google.com", "__mps": object{}, "__mpso": object{}}))
		}},
		{3, func() string {
			return "AMP_" + a.hex(10) + "=" + component(a.base64JSON(component(encode(object{"deviceId": a.uuid(), "sessionId": a.millis(), "optOut": false, "lastEventTime": a.millis()}))))
		}},
		{4, func() string {
			return "intercom-session-" + a.alnum(8) + "=" + component(a.base64(60)+"--"+a.hex(40))
		}},
		{6, func() string {
			return "__hstc=" + a.digits(8) + "." + a.hex(32) + "." + strconv.FormatInt(a.millis(), 10) + "." + strconv.FormatInt(a.millis(), 10) + ".3; hubspotutk=" + a.hex(32)
		}},
		{4, func() string {
			return "AMCV_" + strings.ToUpper(a.hex(24)) + "%40AdobeOrg=179643557%7CMCIDTS%7C" + a.digits(5) + "%7CMCMID%7C" + a.digits(38) + "%7CMCAAMLH-" + a.digits(10) + "%7C6%7CMCOPTOUT-" + a.digits(10) + "s%7CNONE%7CvVersion%7C5.5.0"
		}},
		{15, func() string { return "session_id=" + a.hex(32) }},
		{12, func() string { return "PHPSESSID=" + a.of(lower+digits, 26) }},
		{6, func() string { return "JSESSIONID=" + strings.ToUpper(a.hex(32)) + ".node1" }},
		{5, func() string { return "connect.sid=s%3A" + a.safe(32) + "." + component(a.base64(32)) }},
		{10, func() string { return "csrftoken=" + a.alnum(32) }},
		{6, func() string { return "token=" + a.jwt() }},
		{6, func() string {
			return "XSRF-TOKEN=" + component(a.base64JSON(object{"iv": a.base64(16), "value": a.base64(48), "mac": a.hex(64), "tag": ""}))
		}},
		{2, func() string {
			return "wp-settings-1=" + component("libraryContent=browse&editor=tinymce&hidetb=1") + "; wordpress_logged_in_" + a.hex(32) + "=" + a.one(nouns) + "%7C" + a.digits(10) + "%7C" + a.alnum(43) + "%7C" + a.hex(64)
		}},
		{2, func() string {
			return "datadome=" + a.safe(60) + "~" + a.safe(30) + "; _abck=" + strings.ToUpper(a.hex(32)) + "~-1~YAAQ" + a.alnum(120) + "~-1~-1~-1; bm_sz=" + strings.ToUpper(a.hex(32)) + "~YAAQ" + a.alnum(100) + "~" + a.digits(7) + "~" + a.digits(7)
		}},
		{15, func() string { return "__cf_bm=" + a.safe(43) + "-" + a.digits(10) + "-1.0.1.1-" + a.safe(86) }},
		{3, func() string { return "recently_viewed=[" + a.digits(5) + "," + a.digits(5) + "]" }},
		{2, func() string { return "last_search=" + component(a.query()) }},
		{2, func() string { return "ref=" + component(a.page()) }},
		{8, func() string { return "tz=Europe/Berlin; locale=" + a.one([]string{"de-DE", "en_US"}) }},
		{3, func() string { return "user=" + component(encode(object{"name": a.name(), "id": a.between(1, 99999)})) }},
		{2, func() string {
			return "sbjs_first=" + component("typ=organic|||src=google|||mdm=organic|||cmp=(none)|||cnt=(none)|||trm=(none)|||id=(none)")
		}},
		{2, func() string {
			return "sbjs_current_add=" + component("fd="+a.moment().Format("2006-01-02 15:04:05")+"|||ep="+a.page()+"|||rf=https://www.google.com/")
		}},
		{2, func() string {
			return "__utmz=" + a.digits(9) + "." + a.digits(10) + ".1.1.utmcsr=google|utmccn=(organic)|utmcmd=organic|utmctr=(not%20provided)"
		}},
		{2, func() string {
			return "_gac_UA-" + a.digits(8) + "-1=1." + a.digits(10) + "." + a.safe(80) + "; _dc_gtm_UA-" + a.digits(8) + "-1=1"
		}},
	}
	a.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	list := []string{"sid=" + a.alnum(26)}
	for _, c := range all {
		if a.chance(c.percent) {
			list = append(list, c.write())
		}
	}
	return strings.Join(list, "; ")
}

func (a *author) consent() string { return "CQ" + a.safe(22) + "ACBENB" + a.safe(40) + ".YAAAAAAAAAAA" }

func (a *author) base64JSON(v any) string {
	text, ok := v.(string)
	if !ok {
		text = encode(v)
	}
	return strings.TrimRight(b64(text), "=")
}
