package ordinary

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strconv"
	"strings"
)

const (
	formType  = "application/x-www-form-urlencoded"
	formUTF8  = "application/x-www-form-urlencoded; charset=UTF-8"
	textUTF8  = "text/plain;charset=UTF-8"
	jsonType  = "application/json"
	plainType = "text/plain"
)

// zip is a body with Content-Encoding: gzip.
func zip(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s)) // a buffer takes everything
	_ = w.Close()
	return b.String()
}

// event is what analytics send as JSON.
func (a *author) event() object {
	o := object{
		"type": a.one([]string{"page", "track", "identify", "$pageview", "click", "scroll", "session_start"}), "event": a.one([]string{"Product Viewed", "Order Completed", "page_view", "select_item", "cta_click", "Form Submitted", "exec_search"}),
		"messageId": "ajs-next-" + strconv.FormatInt(a.millis(), 10) + "-" + a.uuid(), "timestamp": a.iso(), "anonymousId": a.uuid(), "userId": nil, "sessionId": a.uuid(),
		"context": object{"page": object{"path": "/" + a.slug(), "referrer": a.page(), "search": "?q=" + component(a.query()), "title": a.title(), "url": a.page()}, "userAgent": a.client().agent, "locale": "de-DE", "timezone": "Europe/Berlin", "library": object{"name": "analytics.js", "version": "next-1.70.0"}, "screen": a.size()},
	}
	props := object{}
	for range a.between(1, 8) {
		props[a.one(nouns)+a.one([]string{"", "_id", "Name", ".count", "[0]"})] = []any{a.query(), a.between(0, 9999), true, nil, a.title(), a.page(), a.uuid(), a.one([]string{"div#main > ul.nav > li:nth-child(3) > a.button", "html > body > div:nth-of-type(2) > button[type='submit']", "a[href=\"/cart\"]"})}[a.IntN(8)]
	}
	switch a.IntN(10) {
	case 0: // documents within documents
		props["payload"] = encode(object{"id": a.between(1, 9999), "kind": a.one(nouns)})
	case 1:
		props["ids"] = encode([]int{a.IntN(999), a.IntN(999)})
	}
	o["properties"] = props
	return o
}

func (a *author) events() []object {
	list := make([]object, a.between(1, 6))
	for i := range list {
		list[i] = a.event()
	}
	return list
}

// beaconText is JSON that navigator.sendBeacon and fetch send as text: a text type needs no
// preflight request.
func (a *author) beaconText() Request {
	target := a.one([]string{"/v1/t", "/batch", "/events", "/collect", "/beacon", "/api/v2/track", "/e/?ip=1&_=" + a.digits(13), "/log", "/ingest?client=web&v=" + a.version()})
	var body string
	switch a.IntN(8) {
	case 0:
		body = encode(a.event())
	case 1:
		body = encode(object{"batch": a.events(), "sentAt": a.iso(), "writeKey": a.alnum(32)})
	case 2:
		body = encode(object{"metrics": []object{{"name": "LCP", "value": 1234.5, "delta": 1234.5, "id": "v4-" + strconv.FormatInt(a.millis(), 10) + "-" + a.digits(13), "rating": "good", "navigationType": "navigate", "attribution": object{"element": "div.hero>img", "url": a.page()}}}})
	case 3:
		body = encode(object{"sensor_data": "3;0;1;0;" + a.digits(7) + ";" + a.base64(32) + ";" + a.digits(2) + ",17,0,0,2,0;" + a.of(urlSafe+"~!@#$%^&*()+|{}:<>?,./;'[]", 600)})
	case 4:
		body = encode(a.events())
	case 5:
		body = encode(object{"app": a.one(nouns), "logs": []object{{"level": "warn", "msg": "Failed to load resource: " + a.page(), "stack": a.stack(), "ts": a.millis()}}})
	case 6:
		body = encode(object{"id": a.uuid(), "imp": []object{{"id": "1", "banner": object{"format": []object{{"w": 300, "h": 250}}}}}, "site": object{"page": a.page()}, "user": object{"ext": object{"consent": a.consent()}}})
	default:
		body = encode(object{"v": 3, "k": a.base64(30), "data": a.base64(400)})
	}
	b := a.others("POST", target)
	if a.chance(3) {
		b.add("Content-Encoding", "gzip")
		body = zip(body)
	}
	return b.body(a.one([]string{textUTF8, textUTF8, textUTF8, plainType, "text/plain; charset=utf-8"}), body)
}

// stack is a stack trace of a browser.
func (a *author) stack() string {
	at := "https://" + a.one(sites) + "/static/js/main." + a.hex(8) + ".js"
	return a.one([]string{"TypeError: Cannot read properties of undefined (reading '" + a.one(nouns) + "')", "ReferenceError: gtag is not defined", "ChunkLoadError: Loading chunk 12 failed.\n(error: " + at + ")", "Error: Request failed with status code 404"}) +
		"\n    at " + a.alnum(2) + " (" + at + ":2:" + a.digits(5) + ")\n    at Object." + a.one(nouns) + " (" + at + ":2:" + a.digits(5) + ")\n    at async Promise.all (index 0)"
}

// sentry is an envelope: JSON documents in lines.
func (a *author) sentry() Request {
	sdk := object{"name": "sentry.javascript.react", "version": "8.42.0"}
	item := object{"event_id": a.hex(32), "platform": "javascript", "release": a.version(), "sdk": sdk, "level": "error", "request": object{"url": a.page(), "headers": object{"User-Agent": a.client().agent}},
		"exception": object{"values": []object{{"type": "TypeError", "value": a.stack(), "mechanism": object{"type": "onerror", "handled": false}}}}, "breadcrumbs": []object{{"category": "ui.click", "message": "div.app > button#submit.btn.btn-primary"}, {"category": "fetch", "data": object{"method": "POST", "url": "/api/v1/" + a.one(nouns), "status_code": 200}}}}
	body := encode(object{"event_id": a.hex(32), "sent_at": a.iso(), "sdk": sdk, "dsn": "https://" + a.hex(32) + "@o" + a.digits(6) + ".ingest.example.io/" + a.digits(7)}) + "\n" + encode(object{"type": a.one([]string{"event", "session", "transaction"})}) + "\n" + encode(item)
	target := "/api/" + a.digits(7) + "/envelope/?sentry_version=7&sentry_key=" + a.hex(32) + "&sentry_client=sentry.javascript.react%2F8.42.0"
	return a.others("POST", target).body(a.one([]string{textUTF8, textUTF8, "application/x-sentry-envelope"}), body)
}

// rum is real user monitoring.
func (a *author) rum() Request {
	view := object{"view": object{"id": a.uuid(), "url": a.page(), "loading_time": a.between(1e6, 1e9)}, "session": object{"id": a.uuid(), "type": "user"}, "date": a.millis(), "type": "view", "service": a.one(nouns), "_dd": object{"format_version": 2}}
	switch a.IntN(6) {
	case 0, 1:
		return a.others("POST", "/api/v2/rum?ddsource=browser&ddtags=sdk_version%3A5.29.1%2Capi%3Afetch%2Cenv%3Aprod%2Cservice%3A"+a.one(nouns)+"&dd-api-key=pub"+a.hex(32)+"&dd-evp-origin=browser&dd-request-id="+a.uuid()+"&batch_time="+strconv.FormatInt(a.millis(), 10)).body(textUTF8, encode(view)+"\n"+encode(view))
	case 2:
		return a.others("GET", "/1/NRJS-"+a.hex(19)+"?a="+a.digits(9)+"&v=1.270.1&to="+component(a.alnum(24)+"=")+"&rst="+a.digits(4)+"&ck=0&s="+a.hex(16)+"&ref="+component(a.page())+"&ap=45&be=320&fe=1200&dc=900&perf="+component(encode(object{"timing": object{"of": a.millis(), "n": 0, "f": 3, "dn": 4}, "navigation": object{}}))+"&fp=900&fcp=900").Request
	case 3:
		return a.others("POST", "/events/1/NRJS-"+a.hex(19)+"?a="+a.digits(9)+"&sa=1&v=1.270.1&rst="+a.digits(5)).body(plainType, "bel.7;1,"+a.alnum(2)+",,"+a.alnum(3)+",,,'"+a.one(nouns)+",'https://"+a.one(sites)+"/"+a.slug()+",!!!;5,'"+a.one(nouns)+",'"+a.one(nouns)+";e,'fmp,cs,3")
	case 4:
		return a.others("POST", "/cdn-cgi/rum?").body(jsonType, encode(object{"memory": object{"totalJSHeapSize": a.between(1e6, 1e8)}, "referrer": "", "eventType": 1, "firstPaint": 900, "location": a.page(), "siteToken": a.hex(32), "st": 2, "timingsV2": object{"nextHopProtocol": "h2", "transferSize": a.between(100, 9999)}}))
	}
	b := a.others("POST", "/intake/v2/rum/events")
	return b.body("application/x-ndjson", encode(object{"metadata": object{"service": object{"name": a.one(nouns), "agent": object{"name": "rum-js", "version": "5.16.1"}}}})+"\n"+encode(object{"transaction": object{"id": a.hex(16), "trace_id": a.hex(32), "name": "/" + a.one(sections), "type": "page-load", "duration": a.between(100, 9999)}})+"\n")
}

// beaconBinary is packed or compressed data.
func (a *author) beaconBinary() Request {
	data := string(a.bytes(a.between(40, 3000)))
	switch a.IntN(7) {
	case 0:
		return a.others("POST", "/collect").body("application/octet-stream", data)
	case 1:
		return a.others("POST", "/rec/bundle/v2?OrgId="+a.alnum(5)+"&UserId="+a.uuid()+"&SessionId="+a.uuid()+"&PageId="+a.uuid()+"&Seq="+a.digits(1)).body("application/octet-stream", zip(encode(a.events())))
	case 2:
		return a.others("POST", "/i/v0/e/?ip=1&_="+a.digits(13)+"&ver=1.180.0&compression=gzip-js").body(plainType, zip(encode(a.events())))
	case 3:
		return a.others("POST", "/log?format=json&hasfast=true&authuser=0").add("Content-Encoding", "gzip").body(a.one([]string{"application/binary", jsonType}), zip(encode([]any{[]any{1, nil, nil, nil, a.digits(3)}, 1043, []any{[]any{a.digits(13), nil, a.hex(12)}}})))
	case 4:
		return a.others("POST", "/logging/v2/client").body("application/x-protobuf", data)
	case 5:
		return a.others("POST", "/record").body("", data)
	}
	return a.others("POST", "/traces/v1/traces").body(a.one([]string{"application/x-protobuf", "application/x-thrift", "application/msgpack", "application/cbor", "application/vnd.example.v1+proto"}), data)
}

// rpc is protobuf in its many covers.
func (a *author) rpc() Request {
	method := "/" + a.one(nouns) + ".v1." + strings.ToUpper(a.one(nouns)[:1]) + a.one(nouns) + "Service/Get" + strings.ToUpper(a.one(nouns)[:1]) + a.one(nouns)
	message := "\n$" + a.uuid() + "\x12" + string(rune(20)) + a.alnum(20) + "\x18\x05" + string(a.bytes(a.between(0, 60)))
	frame := fmt.Sprintf("\x00\x00\x00\x00%c%s", len(message), message)
	switch a.IntN(8) {
	case 0:
		return a.call("POST", method).add("X-Grpc-Web", "1").body(a.one([]string{"application/grpc-web+proto", "application/grpc-web"}), frame)
	case 1:
		return a.call("POST", method).add("X-Grpc-Web", "1").add("X-User-Agent", "grpc-web-javascript/0.1").body("application/grpc-web-text", b64(frame))
	case 2:
		return a.call("POST", method).add("Connect-Protocol-Version", "1").body("application/proto", message)
	case 3:
		return a.call("POST", method).add("Connect-Protocol-Version", "1").body(jsonType, encode(object{"id": a.uuid(), "pageSize": 50, "filter": `name = "` + a.query() + `"`}))
	case 4:
		return a.others("POST", "/$rpc/google.internal.maps.mapsjs.v1.MapsJsInternalService/GetViewportInfo").add("X-Goog-Api-Key", "AIza"+a.safe(35)).body("application/json+protobuf", encode([]any{[]any{[]any{48.1, 11.4}, []any{48.2, 11.7}}, 12, nil, "de-DE", 0, "m@" + a.digits(9), 0, 0, nil, nil, 12}))
	case 5:
		return a.others("POST", "/recaptcha/api2/reload?k=6L"+a.safe(38)).body("application/x-protobuffer", "\n\x18"+a.safe(24)+"\x12\xc6\x10"+a.safe(900))
	case 6:
		return a.others("POST", "/$rpc/example.internal.waa.v1.Waa/Create").body("application/json+protobuf", encode([]any{a.safe(20), nil, []any{[]any{a.digits(3), a.base64(200)}}}))
	}
	return a.native("POST", method).add("Te", "trailers").body("application/grpc", frame)
}

// beaconForm is a form whose fields hold JSON, Base64 or addresses.
func (a *author) beaconForm() Request {
	switch a.IntN(9) {
	case 0:
		return a.others("POST", "/track/?verbose=1&ip=1&_="+a.digits(13)).body(formType, "data="+component(encode(a.events())))
	case 1:
		return a.others("POST", "/track/").body(formType, "data="+component(b64(encode(a.event()))))
	case 2:
		return a.others("POST", "/").body(formUTF8, a.encoded(pair{"checksum", a.hex(32)}, pair{"client", a.hex(32)}, pair{"e", encode(a.events())}, pair{"upload_time", a.digits(13)}, pair{"v", "2"}))
	case 3:
		return a.others("POST", "/messenger/web/ping").body(formUTF8, a.encoded(pair{"app_id", a.alnum(8)}, pair{"v", "3"}, pair{"g", a.hex(40)}, pair{"s", a.uuid()}, pair{"r", a.page()}, pair{"platform", "web"}, pair{"installation_type", "js-snippet"}, pair{"internal", "{}"}, pair{"page_title", a.title()}, pair{"user_data", encode(object{"email": a.email(), "user_id": a.digits(6), "name": a.name()})}, pair{"source", "apiBoot"}, pair{"referer", a.page()}))
	case 4:
		return a.others("POST", "/js/").body(formType, a.encoded(pair{"jsData", encode(object{"ttst": 24.5, "ifov": false, "hc": 8, "br_oh": 1040, "ua": a.client().agent, "wdif": false, "plg": 5, "tz": -60, "str_ss": true, "mob": "navigator.plugins"})}, pair{"eventCounters", "[]"}, pair{"jsType", "ch"}, pair{"ddk", strings.ToUpper(a.hex(30))}, pair{"Referer", a.page()}, pair{"request", "%2F"}, pair{"ddv", "4.30.1"}))
	case 5:
		return a.others("POST", "/api/v2/collector").body(formType, "payload="+component(a.base64(700))+"&appId=PX"+a.alnum(8)+"&tag=v9.2.0&uuid="+a.uuid()+"&ft=330&seq=1&en=NTA&pc="+a.digits(16)+"&rsc=2")
	case 6:
		return a.others("POST", "/matomo.php").body(formUTF8, a.encoded(pair{"action_name", a.title()}, pair{"idsite", "1"}, pair{"rec", "1"}, pair{"r", a.digits(6)}, pair{"h", "10"}, pair{"url", a.page()}, pair{"urlref", a.page()}, pair{"_id", a.hex(16)}, pair{"cvar", encode(object{"1": []string{"type", a.one(sections)}, "2": []string{"author", a.name()}})}, pair{"pdf", "1"}, pair{"cookie", "1"}, pair{"res", a.size()}, pair{"uadata", encode(object{"fullVersionList": []object{{"brand": "Chromium", "version": "128.0.6613.120"}}, "mobile": false, "platform": "Windows"})}))
	case 7:
		return a.others("POST", "/tr/").body(formType, a.encoded(pair{"id", a.digits(16)}, pair{"ev", "Purchase"}, pair{"dl", a.page()}, pair{"rl", a.page()}, pair{"if", "false"}, pair{"ts", a.digits(13)}, pair{"cd[content_ids]", `["` + a.digits(6) + `","` + a.digits(6) + `"]`}, pair{"cd[contents]", encode([]object{{"id": a.digits(6), "quantity": 1}})}, pair{"cd[currency]", "EUR"}, pair{"ud[em]", a.hex(64)}, pair{"fbp", "fb.1." + a.digits(13) + "." + a.digits(9)}))
	}
	return a.others("POST", "/g/collect?v=2&tid=G-"+strings.ToUpper(a.alnum(10))+"&_p="+a.digits(13)+"&cid="+a.digits(9)+"."+a.digits(10)).body(textUTF8, "en=scroll&epn.percent_scrolled=90&_et="+a.digits(5)+"\r\nen=user_engagement&ep.page_title="+component(a.title()))
}

// mislabelled is a body whose media type says that it is a form, which it is not: what
// XMLHttpRequest libraries and beacons write when nobody sets a type.
func (a *author) mislabelled() Request {
	var body string
	switch a.IntN(9) {
	case 0, 1, 2:
		body = encode(a.event())
	case 3:
		body = encode([]any{[]any{1, nil, nil, nil, nil, nil, nil, nil, nil, nil, []any{nil, nil, nil, nil, "de"}}, 558, []any{[]any{a.digits(13), nil, nil, nil, nil, nil, nil, a.base64(300)}}, a.digits(13)})
	case 4:
		body = `<?xml version="1.0" encoding="UTF-8"?><request><session id="` + a.hex(16) + `"/><event name="` + a.one(nouns) + `"><url>` + strings.ReplaceAll(a.page(), "&", "&amp;") + `</url></event></request>`
	case 5:
		body = a.page()
	case 6:
		body = string(a.bytes(a.between(100, 900)))
	case 7:
		body = a.base64(a.between(100, 900))
	default:
		body = encode(a.events())
	}
	return a.others("POST", a.one([]string{"/log?format=json&hasfast=true", "/event", "/api/track", "/bid"})).body(a.one([]string{formType, formUTF8, "application/x-www-form-urlencoded;charset=UTF-8"}), body)
}

// report is what browsers themselves report.
func (a *author) report() Request {
	at := a.page()
	switch a.IntN(3) {
	case 0:
		return a.others("POST", "/csp").body("application/csp-report", encode(object{"csp-report": object{"document-uri": at, "referrer": "", "violated-directive": "script-src-elem", "effective-directive": "script-src-elem", "original-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' https://www.example.com; style-src * 'unsafe-inline'; report-uri /csp", "disposition": "report", "blocked-uri": a.one([]string{"inline", "eval", "https://cdn.example.net/x.js", "data"}), "line-number": 12, "source-file": at, "status-code": 200, "script-sample": ""}}))
	case 1:
		return a.others("POST", "/reports").body("application/reports+json", encode([]object{{"age": a.between(1, 60000), "type": "network-error", "url": at, "user_agent": a.client().agent, "body": object{"elapsed_time": 30, "method": "GET", "phase": "application", "protocol": "h2", "referrer": at, "sampling_fraction": 0.1, "server_ip": "203.0.113.7", "status_code": 0, "type": "abandoned"}}}))
	}
	return a.others("POST", "/reports").body("application/reports+json", encode([]object{{"age": 10, "type": "deprecation", "url": at, "user_agent": a.client().agent, "body": object{"columnNumber": 12, "id": "UnloadHandler", "lineNumber": 34, "message": "Unload event listeners are deprecated and will be removed.", "sourceFile": at}}}))
}
