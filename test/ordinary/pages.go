package ordinary

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

func (a *author) document() Request {
	target := "/" + a.one([]string{"", a.one(sections) + "/" + a.slug(), a.one(sections) + "/", a.moment().Format("2006/01/02/") + a.slug() + ".html"})
	switch a.IntN(5) {
	case 0:
		target += "?" + a.encoded(pair{"utm_source", a.one(sources)}, pair{"utm_campaign", a.query()}, pair{"utm_content", a.one(nouns) + "|" + a.one(nouns)}, pair{"gclid", a.safe(55)})
	case 1:
		target += "?" + a.encoded(pair{"page", a.digits(1)}, pair{"sort", a.one([]string{"price:asc", "-date", "name desc", "rating"})}, pair{"filter[" + a.one(nouns) + "]", a.one(nouns)}, pair{"filter[price]", "10..50"})
	}
	return a.navigate("GET", target).Request
}

func (a *author) search() Request {
	q := a.query()
	target := a.one([]string{"/search", "/s", "/suche", "/catalogsearch/result/", "/recherche"}) + "?"
	switch a.IntN(5) {
	case 0: // Latin-1, as old pages write it
		target += "q=" + latin1(q)
	case 1:
		target += a.encoded(pair{"q", q}, pair{"category", a.one(sections)}, pair{"price_min", "10"}, pair{"price_max", "99.90"}, pair{"sort", "price_desc"})
	case 2:
		target += "term=" + strings.ReplaceAll(url.QueryEscape(q), "%20", "+") + "&facet=brand%3A%22" + a.one(brands) + "%22&facet=size%3A42"
	default:
		target += a.encoded(pair{"q", q})
	}
	if a.chance(50) {
		return a.call("GET", strings.Replace(target, "/search", "/api/suggest", 1)+"&limit=10&callback=jQuery"+a.digits(20)+"_"+a.digits(13)).Request
	}
	return a.navigate("GET", target).Request
}

// latin1 writes what Latin-1 has in it and everything else as UTF-8.
func latin1(s string) string {
	var b strings.Builder
	for _, c := range s {
		if c >= 0xa0 && c <= 0xff {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteString(url.QueryEscape(string(c)))
		}
	}
	return b.String()
}

func (a *author) asset() Request {
	switch a.IntN(40) {
	case 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24:
		return a.subresource("image", "/"+a.one([]string{"i", "p", "media/catalog/product", "thumbs"})+"/"+a.one([]string{a.hex(32), a.uuid(), a.digits(9) + "_" + a.digits(2), a.safe(40)})+a.one([]string{".jpg", ".webp", ".png", ".gif", ".svg", ""})).Request
	case 25, 26, 27, 28, 29, 30, 31, 32, 33, 34:
		return a.subresource("script", "/"+a.one([]string{"assets", "js", "build", "_nuxt", "lib"})+"/"+a.one([]string{"vendor", "main", "app", "runtime", a.one(nouns), a.digits(4)})+a.one([]string{"-" + a.safe(8), "." + a.hex(20), ""})+a.one([]string{".js", ".mjs", ".min.js"})).Request
	case 0, 1, 2:
		return a.subresource("image", "/"+a.one([]string{"images", "media", "uploads/2026/05", "img/p"})+"/"+a.slug()+"-"+a.size()+a.one([]string{".jpg", ".webp", ".png", ".avif"})+a.one([]string{"", "?v=" + a.digits(5), "?width=800&quality=75&auto=webp&fit=crop"})).Request
	case 3, 4, 5:
		return a.subresource("script", "/"+a.one([]string{"_next/static/chunks", "assets", "static/js", "dist", "wp-content/plugins/" + a.slug() + "/js"})+"/"+a.one(nouns)+"."+a.hex(8)+a.one([]string{".js", ".min.js", ".chunk.js", ".mjs"})+a.one([]string{"", "?ver=" + a.version()})).Request
	case 6:
		return a.subresource("style", "/"+a.one([]string{"assets/css", "wp-includes/css/dist/block-library", "static"})+"/style.min.css?ver="+a.version()).Request
	case 7:
		return a.subresource("font", "/fonts/"+a.one([]string{"inter-latin-400-normal", "Roboto-Regular", "fa-solid-900"})+".woff2").Request
	case 8:
		return a.subresource("style", "/css2?family=Roboto:ital,wght@0,400;0,700;1,400&family=Open+Sans:wght@400;600&display=swap").Request
	case 35:
		if a.chance(25) { // the source as it is, in the path
			return a.subresource("image", a.one([]string{"/cdn-cgi/image/width=640,quality=80,format=auto/", "/unsafe/300x200/"})+a.page()).Request
		}
		return a.subresource("image", "/favicon-32x32.png").Request
	case 9: // a package of a package repository, as delivery networks name it
		return a.subresource("script", a.one([]string{"/npm/react@18.2.0/umd/react.production.min.js", "/npm/@babel/standalone@7/babel.min.js", "/combine/npm/jquery@3.7.1,npm/bootstrap@5.3.3/dist/js/bootstrap.bundle.min.js", "/ajax/libs/font-awesome/6.5.0/css/all.min.css", "/gh/user/repo@main/dist/index.js", "/npm/vue@3/dist/vue.global.prod.js"})).Request
	case 10: // pictures made on demand, the source in the path or the query
		source := "https://" + a.one(sites) + "/media/" + a.slug() + ".jpg"
		return a.subresource("image", a.one([]string{
			"/_next/image?url=" + component(source) + "&w=828&q=75", "/image/upload/c_fill,f_auto,q_auto,w_400/v" + a.digits(10) + "/" + a.slug() + ".jpg",
			"/unsafe/300x200/filters:quality(80):format(webp)/" + source[8:], "/insecure/rs:fill:300:400:0/g:sm/" + strings.TrimRight(b64(source), "=") + ".webp", "/resize?src=" + component(source) + "&size=300x200",
			"/is/image/" + a.one(brands) + "/" + a.slug() + "?$product$&wid=400&fmt=webp", "/thumb.php?src=/uploads/" + a.slug() + ".jpg&w=200", "/ipx/f_webp&s_300x200/" + a.slug() + ".png", "/fetch/f_auto/" + component(source),
		})).Request
	}
	return a.subresource("image", a.one([]string{"/favicon.ico", "/apple-touch-icon.png", "/logo.svg", "/avatar/" + a.hex(32) + "?s=80&d=mm&r=g", "/vi/" + a.safe(11) + "/hqdefault.jpg?sqp=-oaymwEcCNACELwBSFXyq4qpAw4IARUAAIhCGAFwAcABBg==&rs=AOn4CLB" + a.safe(32), "/emoji/1f600.svg", "/" + a.safe(60) + "=w240-h135-rw"})).Request
}

// tile is a map, which has numbers, or a service that has them in the query.
func (a *author) tile() Request {
	x, y := a.digits(5), a.digits(5)
	return a.subresource(a.one([]string{"image", "empty"}), a.one([]string{
		"/" + a.digits(2) + "/" + x + "/" + y + ".png", "/v4/mapbox.satellite,mapbox.streets-v8/14/" + x + "/" + y + ".vector.pbf?sku=101" + a.alnum(10) + "&access_token=pk.eyJ1Ijoi" + a.safe(60) + "." + a.safe(22),
		"/maps/vt?pb=!1m5!1m4!1i14!2i" + x + "!3i" + y + "!4i256!2m3!1e0!2sm!3i" + a.digits(9) + "!3m17!2sde-DE!3sUS!5e18!12m4!1e68!2m2!1sset!2sRoadmap!12m3!1e37!2m1!1ssmartmaps!4e0!23i1379903&key=AIza" + a.safe(35) + "&token=" + a.digits(5),
		"/maps/embed?pb=!1m18!1m12!1m3!1d2624.9!2d2.29!3d48.85!2m3!1f0!2f0!3f0!3m2!1i1024!2i768!4f13.1!3m3!1m2!1s0x47e66e2964e34e2d%3A0x8ddca9ee380ef7e0!2sTour%20Eiffel!5e0!3m2!1sfr!2sfr",
		"/wms?SERVICE=WMS&REQUEST=GetMap&VERSION=1.3.0&LAYERS=dop20&STYLES=&FORMAT=image%2Fpng&CRS=EPSG:3857&BBOX=1335833.88,6418264.39,1347816.54,6430247.05&WIDTH=256&HEIGHT=256",
		"/maps/api/place/js/AutocompletionService.GetPredictions?1s" + component(a.query()) + "&4sde-DE&9sgeocode&15e3&20s" + strings.ToUpper(a.uuid()) + "&21m1&2e1&callback=_xdc_._" + a.alnum(6) + "&key=AIza" + a.safe(35),
		"/geocode/v1/json?q=" + component(a.one([]string{"Hauptstraße 12, Köln", "10 Rue de l'Église, Lyon", "5th Ave & 42nd St, New York"})) + "&limit=5",
		"/api/interpreter?data=" + component(`[out:json][timeout:25];node["amenity"="cafe"](52.50,13.30,52.54,13.42);out body;`),
	})).Request
}

// video is a player: manifests, segments, keys, statistics.
func (a *author) video() Request {
	base := "/" + a.one([]string{"vod", "hls", "live", "out/v1/" + a.hex(32)}) + "/" + a.slug() + "/"
	switch a.IntN(24) {
	case 0, 4, 5:
		return a.others("GET", base+a.one([]string{"master.m3u8", "index.m3u8", "manifest.mpd", "playlist.m3u8?hdnts=exp=" + a.digits(10) + "~acl=/*~hmac=" + a.hex(64), "chunklist_b" + a.digits(6) + ".m3u8"})).Request
	case 1:
		return a.others("GET", base+a.one([]string{"key.key", "enc.key", "k?kid=" + a.hex(32)})).Request
	case 2:
		return a.others("GET", "/videoplayback?expire="+a.digits(10)+"&ei="+a.safe(22)+"&ip=203.0.113."+strconv.Itoa(a.IntN(255))+"&id=o-"+a.safe(44)+"&itag=313&source=youtube&requiressl=yes&mm=31%2C29&mn=sn-4g5e6nz7%2Csn-4g5lznl6&ms=au%2Crdu&mime=video%2Fwebm&gir=yes&clen="+a.digits(8)+"&dur="+a.digits(3)+".36&lmt="+a.digits(16)+"&sparams=expire%2Cei%2Cip%2Cid%2Citag&sig="+component("AJfQdSsw"+a.safe(90)+"=")+"&alr=yes&cpn="+a.safe(16)+"&cver=2."+a.digits(8)+"&range=0-"+a.digits(6)+"&rn=1&rbuf=0").Request
	case 3:
		return a.others("GET", "/api/stats/watchtime?ns=yt&el=detailpage&cpn="+a.safe(16)+"&ver=2&cmt=12.3&fs=0&rt=20.4&euri=&lact=3&cl="+a.digits(9)+"&state=playing&volume=100&c=WEB&cver=2.2026&cplayer=UNIPLAYER&cbr=Chrome&cbrver=128.0.0.0&cos=Windows&cosver=10.0&hl=de_DE&cr=DE&len=312&afmt=251&idpj=-4&ldpj=-26&st=0%2C10.1&et=10.1%2C12.3&muted=0&docid="+a.safe(11)+"&ei="+a.safe(22)).Request
	}
	return a.others("GET", base+a.one([]string{"seg-" + a.digits(4) + "-v1-a1.ts", "chunk-stream0-00" + a.digits(3) + ".m4s", "video/1080p/segment_" + a.digits(3) + ".m4s?bytes=0-" + a.digits(5), "QualityLevels(" + a.digits(7) + ")/Fragments(video=" + a.digits(9) + ",format=mpd-time-csf)"})).Request
}

// paths have what path rules know as odd.
func (a *author) paths() Request {
	return a.navigate("GET", a.one([]string{
		"/@" + a.one(nouns) + "%2f" + a.one(nouns), "/api/v4/projects/" + a.one(nouns) + "%2F" + a.one(nouns) + "/merge_requests?state=opened", "/wiki/" + component(a.query()),
		"/web/" + a.digits(14) + "/https://" + a.one(sites) + "/" + a.slug(), "/wiki/AC%2FDC", "/wiki/C%2B%2B", "//" + a.one(sections) + "/" + a.slug(), "/" + a.one(sections) + ";jsessionid=" + strings.ToUpper(a.hex(32)) + ".node1",
		"/proxy/" + component("https://"+a.one(sites)+"/"+a.slug()), "/shop/" + component(a.one(brands)+" & Co.") + "/" + component(a.query()), "/a/b;v=1.2/c", "/r/" + a.one(nouns) + "/comments/" + a.alnum(7) + "/" + a.slug() + "/",
		"/-/blob/main/src/" + a.one(nouns) + ".config.js", "/" + a.one(nouns) + "/raw/master/README.md", "/rest/api/2/search?jql=" + component(`project = SHOP AND status in ("In Progress", Open) ORDER BY created DESC`),
		"/blob/main/.github/workflows/ci.yml", "/consent/" + a.uuid() + "/" + a.one(sites) + ".json", "/logo/" + a.one(sites), "/domain/" + a.one(sites), "/.well-known/openid-configuration", "/.well-known/assetlinks.json",
		"/file/d/" + a.safe(33) + "/view?usp=sharing", "/d/" + a.uuid() + "/" + a.slug() + "?orgId=1&from=now-6h&to=now&var-ns=$__all", "/" + component(a.query()) + ".html", "/product/" + a.digits(6) + "~" + a.slug(),
	})).Request
}

// redirects have addresses within addresses.
func (a *author) redirects() Request {
	to := a.page()
	return a.navigate("GET", a.one([]string{
		"/url?q=" + component(to) + "&sa=U&ved=2ahUKE" + a.safe(40) + "&usg=AOvVaw" + a.safe(24), "/l.php?u=" + component(to) + "&h=AT" + a.safe(80) + "&s=1", "/out?url=" + component(component(to)), "/login?next=" + component("/"+a.one(sections)+"/?tab="+a.one(nouns)),
		"/click?" + a.encoded(pair{"url", to}, pair{"id", a.uuid()}, pair{"sig", a.base64(20)}), "/share?" + a.encoded(pair{"text", a.one(headlines)}, pair{"url", to}, pair{"via", a.one(brands)}), "/sharer/sharer.php?u=" + component(to) + "&quote=" + component(a.one(headlines)),
		"/translate?sl=auto&tl=en&u=" + component(to), "/redirect/" + a.digits(6) + "?r=" + b64(to), "/signin?return_to=" + component(to) + "&locale=de", "/aclk?sa=L&ai=" + a.safe(120) + "&num=1&sig=AOD64_" + a.safe(28) + "&client=ca-pub-" + a.digits(16) + "&adurl=" + component(to),
		"/pin/create/button/?" + a.encoded(pair{"url", to}, pair{"media", "https://" + a.one(sites) + "/" + a.slug() + ".jpg"}, pair{"description", a.title()}), "/deeplink?link=" + component(to) + "&apn=com.example.app&ibi=com.example.ios&efr=1",
	})).Request
}

// login is OAuth, OpenID Connect, SAML and passkeys.
func (a *author) login() Request {
	state := a.one([]string{a.hex(32), a.base64(24), encode(object{"returnTo": "/account", "nonce": a.alnum(16)}), b64(encode(object{"r": a.page(), "c": a.hex(32)})), "return=" + a.page() + "&x=1"})
	back := "https://" + a.one(sites) + a.one([]string{"/auth/callback", "/oauth2/callback", "/signin-oidc", "/"})
	form := "application/x-www-form-urlencoded"
	switch a.IntN(9) {
	case 0, 1:
		return a.navigate("GET", a.one([]string{"/oauth2/v2/auth", "/authorize", "/oauth2/authorize", "/connect/authorize", "/realms/main/protocol/openid-connect/auth"})+"?"+a.encoded(pair{"client_id", a.digits(12) + "-" + a.alnum(32) + ".apps.example.com"}, pair{"redirect_uri", back}, pair{"response_type", a.one([]string{"code", "id_token token", "code id_token"})}, pair{"scope", "openid profile email offline_access https://graph.example.com/User.Read"}, pair{"state", state}, pair{"nonce", a.safe(43)}, pair{"code_challenge", a.safe(43)}, pair{"code_challenge_method", "S256"}, pair{"prompt", "select_account"})).Request
	case 2:
		return a.navigate("GET", "/auth/callback?"+a.encoded(pair{"code", "4/0A" + a.safe(70)}, pair{"state", state}, pair{"scope", "email profile https://www.example.com/auth/userinfo.email openid"}, pair{"session_state", a.uuid()}, pair{"authuser", "0"}, pair{"prompt", "none"})).Request
	case 3:
		return a.call("POST", a.one([]string{"/oauth/token", "/connect/token"})).body(form, a.encoded(pair{"grant_type", "authorization_code"}, pair{"code", a.safe(64)}, pair{"redirect_uri", back}, pair{"client_id", a.uuid()}, pair{"code_verifier", a.of(urlSafe+".~", 64)}))
	case 4:
		xml := `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_` + a.hex(32) + `" Version="2.0" IssueInstant="` + a.moment().Format("2006-01-02T15:04:05Z") + `" Destination="` + back + `"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">https://idp.example.org/metadata</saml:Issuer>` + a.base64(300) + `</samlp:Response>`
		return a.navigate("POST", "/saml/acs").body(form, url.Values{"SAMLResponse": {b64(xml)}, "RelayState": {a.page()}}.Encode())
	case 5:
		return a.navigate("POST", "/signin-oidc").body(form, url.Values{"code": {a.safe(300)}, "id_token": {a.jwt()}, "state": {state}, "session_state": {a.uuid()}}.Encode())
	case 6:
		return a.call("POST", "/webauthn/finish").body("application/json", encode(object{"id": a.safe(43), "rawId": a.safe(43), "type": "public-key", "response": object{"clientDataJSON": a.base64JSON(object{"type": "webauthn.get", "challenge": a.safe(43), "origin": "https://" + a.one(sites)}), "authenticatorData": a.safe(50), "signature": a.safe(95), "userHandle": nil}, "clientExtensionResults": object{}}))
	case 7:
		return a.navigate("POST", "/login").body(form, a.encoded(pair{"username", a.email()}, pair{"password", a.of(urlSafe+"!$%&/()=?+*#.,:", 14)}, pair{"remember", "1"}, pair{"_token", a.alnum(40)}, pair{"redirect_to", "https://" + a.one(sites) + "/wp-admin/"}))
	}
	return a.call("POST", "/api/login").body("application/json;charset=UTF-8", encode(object{"email": a.email(), "password": a.of(urlSafe+"!$%&/()=?+*#", 14), "captcha": "03AFcWeA" + a.safe(500)}))
}
