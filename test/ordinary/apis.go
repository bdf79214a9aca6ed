package ordinary

import (
	"strconv"
	"strings"
)

// get is an interface that is asked by GET.
func (a *author) get() Request {
	base := a.one([]string{"/api/v1/", "/api/", "/v2/", "/rest/", "/wp-json/wc/store/v1/", "/ajax/", "/wp-json/wp/v2/"})
	switch a.IntN(45) {
	case 0:
		return a.native("GET", base+a.one(nouns)+"/"+a.uuid()+"?expand="+a.one(nouns)+","+a.one(nouns)+".items&fields=id,name,price").Request
	case 1:
		return a.call("GET", base+a.one(nouns)+"?"+a.encoded(pair{"filter", encode(object{"where": object{"status": "open", "price": object{"lt": 100}}, "order": "created DESC", "limit": 20})})).Request
	case 2: // OData
		return a.call("GET", "/odata/"+a.one(nouns)+"?$filter="+component("contains(Name,'"+a.one(nouns)+"') and Price lt 20")+"&$orderby=Name%20desc&$top=20&$select=Id,Name&$expand=Category($select=Name)&$count=true").Request
	case 3: // a search engine that is asked by the browser
		return a.call("GET", "/solr/products/select?"+a.encoded(pair{"q", "name:" + a.one(nouns) + "* AND price:[10 TO *]"}, pair{"fq", `category:"` + a.one(sections) + `"`}, pair{"wt", "json"}, pair{"sort", "score desc"})).Request
	case 4:
		return a.others("GET", "/settings?"+a.encoded(pair{"sessionId", a.hex(32)}, pair{"lang", "de"}, pair{"page", a.page()})).Request
	case 5:
		return a.native("GET", base+"session/status?sessionId="+a.uuid()+"&deviceType=android").Request
	case 6:
		return a.call("GET", "/i/api/graphql/"+a.safe(22)+"/UserTweets?variables="+component(encode(object{"userId": a.digits(10), "count": 20, "includePromotedContent": true, "withVoice": true}))+"&features="+component(encode(object{"rweb_tipjar_consumption_enabled": true, "responsive_web_graphql_exclude_directive_enabled": true, "view_counts_everywhere_api_enabled": true}))).Request
	case 7:
		return a.others("GET", "/sdk/evalx/"+a.hex(24)+"/contexts/"+a.base64JSON(object{"kind": "user", "key": a.uuid(), "anonymous": true})).Request
	case 8:
		return a.others("GET", "/jsonp?callback="+a.one([]string{"jQuery" + a.digits(21) + "_" + a.digits(13), "__jp0", "window.cb[3]", "NREUM.setToken", "cb_" + a.alnum(8)})+"&url="+component(a.page())+"&_="+a.digits(13)).Request
	case 9:
		return a.others("GET", "/consentconfig/"+a.uuid()+"/settings.json").Request
	case 10:
		return a.others("GET", "/socket.io/?EIO=4&transport=polling&t="+a.safe(7)+"&sid="+a.safe(20)).Request
	case 11:
		return a.native("GET", base+"weather?lat=48.137&lon=11.575&units=metric&appid="+a.hex(32)).Request
	case 12:
		return a.others("GET", "/api/embed?"+a.encoded(pair{"url", a.page()}, pair{"html", a.one([]string{"true", "1"})}, pair{"css", "body{margin:0}"}, pair{"theme", "light"})).Request
	case 13:
		return a.call("GET", base+a.one(nouns)+"?"+a.encoded(pair{"include[]", a.one(nouns)}, pair{"page[number]", "2"}, pair{"page[size]", "20"}, pair{"sort", "-created_at"}, pair{"ids", a.digits(3) + "," + a.digits(3)}, pair{"since", a.iso()}, pair{"q", a.query()})).Request
	}
	return a.call("GET", base+a.one(nouns)+"?"+a.encoded(pair{"page", a.digits(1)}, pair{"per_page", "20"}, pair{"locale", "de_DE"}, pair{"_", a.digits(13)})).Request
}

// write is a call with a JSON document.
func (a *author) write() Request {
	doc := object{"id": a.uuid(), "name": a.title(), "description": a.prose(a.between(1, 4)), "price": 19.9, "tags": []string{a.one(nouns), a.one(nouns)}, "active": true, "meta": nil, "url": a.page(), "created": a.iso(), "address": object{"street": "St. John's Way " + a.digits(2), "city": "Köln", "zip": a.digits(5)}, "count": a.IntN(100)}
	mediaType := a.one([]string{jsonType, jsonType, jsonType, "application/json; charset=utf-8", "application/json;charset=UTF-8"})
	target := "/api/v1/" + a.one(nouns)
	switch a.IntN(12) {
	case 0:
		return a.call("PATCH", target+"/"+a.uuid()).body(a.one([]string{"application/merge-patch+json", "application/json-patch+json", jsonType}), a.one([]string{encode(object{"name": a.title()}), encode([]object{{"op": "replace", "path": "/name", "value": a.title()}})}))
	case 1:
		return a.call("PUT", target+"/"+a.uuid()).body(mediaType, encode(doc))
	case 2:
		return a.call("POST", target).body(a.one([]string{"application/vnd.api+json", "application/ld+json", "application/problem+json", "application/hal+json", "application/vnd.example.v2+json"}), encode(object{"data": object{"type": a.one(nouns), "attributes": doc}}))
	case 3:
		return a.native("POST", target).body(mediaType, encode(object{"jsonrpc": "2.0", "method": a.one(nouns) + "." + a.one(nouns), "params": []any{doc, "latest"}, "id": a.IntN(1e6)}))
	case 4: // a player asks for a video
		return a.call("POST", "/youtubei/v1/player?prettyPrint=false").body(jsonType, encode(object{"videoId": a.safe(11), "context": object{"client": object{"hl": "de", "gl": "DE", "clientName": "WEB", "clientVersion": "2." + a.digits(8), "userAgent": a.client().agent + ",gzip(gfe)", "originalUrl": a.page(), "configInfo": object{"appInstallData": a.base64(120)}}, "request": object{"useSsl": true, "internalExperimentFlags": []any{}}}, "playbackContext": object{"contentPlaybackContext": object{"html5Preference": "HTML5_PREF_WANTS", "lactMilliseconds": "-1", "referer": a.page()}}}))
	case 5:
		q := a.query()
		return a.others("POST", "/1/indexes/*/queries?x-algolia-agent="+component("Algolia for JavaScript (4.24.0); Browser (lite); instantsearch.js (4.75.0)")+"&x-algolia-api-key="+a.hex(32)+"&x-algolia-application-id="+strings.ToUpper(a.alnum(10))).body(a.one([]string{formType, jsonType}), encode(object{"requests": []object{{"indexName": "prod_" + a.one(nouns), "params": a.encoded(pair{"query", q}, pair{"hitsPerPage", "20"}, pair{"highlightPreTag", "__ais-highlight__"}, pair{"facets", `["brand","price"]`}, pair{"filters", "price < 100 AND brand:" + a.one(brands)}, pair{"tagFilters", ""})}}}))
	case 6:
		return a.call("POST", "/_api/elasticsearch/_msearch").body("application/x-ndjson", encode(object{"index": a.one(nouns)})+"\n"+encode(object{"query": object{"bool": object{"must": []object{{"match": object{"title": a.query()}}}}}, "size": 20})+"\n")
	case 7:
		return a.call("DELETE", target+"/"+a.uuid()).Request
	case 8:
		return a.native("POST", target+"/sync").body(mediaType, encode(object{"device": a.uuid(), "changes": []object{doc, {"id": a.uuid(), "deleted": true}}, "cursor": a.base64(30)}))
	}
	return a.call("POST", target).body(mediaType, encode(doc))
}

// graphql is asked by GET, by POST, or by the hash of a query that the server knows.
func (a *author) graphql() Request {
	text := a.one([]string{
		"query Product($id: ID!, $first: Int = 10) {\n  product(id: $id) {\n    id\n    name\n    price { amount currency }\n    reviews(first: $first, orderBy: {field: CREATED_AT, direction: DESC}) {\n      edges { node { id rating } }\n    }\n  }\n}",
		"mutation AddToCart($input: AddToCartInput!) {\n  addToCart(input: $input) {\n    cart { id total }\n    errors { field message }\n  }\n}",
		"query Viewer {\n  viewer {\n    __typename\n    login\n    ...UserFields @include(if: true)\n  }\n}\n\nfragment UserFields on User {\n  id\n  email\n}",
		"{ shop { name collections(first: 3) { nodes { title } } } }",
	})
	variables := object{"id": a.base64(12), "first": a.between(1, 50), "text": a.query(), "input": object{"productId": "gid://shop/Product/" + a.digits(9), "quantity": 1}}
	hash := object{"persistedQuery": object{"version": 1, "sha256Hash": a.hex(64)}}
	switch a.IntN(6) {
	case 0:
		return a.call("GET", "/graphql?"+a.encoded(pair{"operationName", "Product"}, pair{"variables", encode(variables)}, pair{"extensions", encode(hash)})).Request
	case 1:
		return a.call("GET", "/graphql?"+a.encoded(pair{"query", text}, pair{"variables", encode(variables)})).Request
	case 2:
		return a.call("POST", "/graphql").body(jsonType, encode(object{"operationName": "Product", "variables": variables, "extensions": hash}))
	case 3:
		return a.call("POST", "/graphql").body("application/graphql", text)
	case 4: // a form with the variables in a field, as large social networks have it
		return a.call("POST", "/api/graphql/").body(formType, a.encoded(pair{"av", a.digits(15)}, pair{"__user", a.digits(15)}, pair{"__a", "1"}, pair{"__req", "1a"}, pair{"__hs", "20010.HYP:comet_pkg.2.1..2.1"}, pair{"dpr", "1"}, pair{"__ccg", "EXCELLENT"}, pair{"__rev", a.digits(10)}, pair{"__s", a.alnum(6) + ":" + a.alnum(6) + ":" + a.alnum(6)}, pair{"__dyn", a.safe(300)}, pair{"__csr", a.safe(200)}, pair{"fb_dtsg", a.safe(40) + ":" + a.digits(2) + ":" + a.digits(10)}, pair{"jazoest", a.digits(5)}, pair{"lsd", a.safe(22)}, pair{"fb_api_caller_class", "RelayModern"}, pair{"fb_api_req_friendly_name", "CometNotificationsQuery"}, pair{"variables", encode(object{"count": 5, "cursor": nil, "environment": "MAIN_SURFACE", "filters": encode([]string{a.one(nouns)}), "scale": 1, "id": a.digits(15)})}, pair{"server_timestamps", "true"}, pair{"doc_id", a.digits(16)}))
	}
	return a.call("POST", "/graphql").body(jsonType, encode(object{"operationName": "Product", "query": text, "variables": variables}))
}

// chat is what chat widgets and sockets without WebSocket send.
func (a *author) chat() Request {
	text := a.prose(1)
	switch a.IntN(6) {
	case 0:
		return a.others("POST", "/socket.io/?EIO=4&transport=polling&t="+a.safe(7)+"&sid="+a.safe(20)).body(textUTF8, a.one([]string{"40", "3", `42["message",` + encode(object{"room": a.uuid(), "text": text}) + "]", `42["ping",` + a.digits(13) + "]\x1e2"}))
	case 1:
		return a.others("POST", "/sockjs/"+a.digits(3)+"/"+a.alnum(8)+"/xhr_send?t="+a.digits(13)).body(a.one([]string{textUTF8, plainType}), encode([]string{encode(object{"type": "send", "address": "chat.room", "body": object{"text": text}})}))
	case 2:
		return a.others("POST", "/chathub?id="+a.safe(22)).body(textUTF8, encode(object{"arguments": []string{a.name(), text}, "target": "SendMessage", "type": 1})+"\x1e")
	case 3:
		return a.others("POST", "/messenger/web/conversations/"+a.digits(12)+"/reply").body(formUTF8, a.encoded(pair{"app_id", a.alnum(8)}, pair{"blocks", encode([]object{{"type": "paragraph", "text": text}})}, pair{"client_assigned_uuid", a.uuid()}, pair{"user_data", encode(object{"anonymous_id": a.uuid()})}))
	case 4:
		return a.call("POST", "/api/chat/completions").body(jsonType, encode(object{"model": "small", "stream": true, "messages": []object{{"role": "system", "content": "You're a helpful assistant."}, {"role": "user", "content": text}}}))
	}
	return a.others("POST", "/signalr/send?transport=serverSentEvents&clientProtocol=1.5&connectionToken="+component(a.base64(60))+"&connectionData="+component(`[{"name":"chathub"}]`)).body(formUTF8, "data="+component(encode(object{"H": "chathub", "M": "Send", "A": []string{text}, "I": 0})))
}

// batch is remote calls within a field of a form, as large offices on the web have them.
func (a *author) batch() Request {
	inner := a.one([]string{encode([]any{nil, a.query(), []any{1, 20, nil, []any{}}, a.safe(20)}), encode([]any{a.safe(20), a.between(1, 99)}), "[]", encode([]any{a.query(), nil, 20})})
	switch a.IntN(3) {
	case 0:
		return a.call("POST", "/_/Shell/data/batchexecute?rpcids="+a.alnum(6)+"&source-path=%2F&f.sid=-"+a.digits(19)+"&bl=boq_20261001.04_p0&hl=de&_reqid="+a.digits(6)+"&rt=c").add("X-Same-Domain", "1").body("application/x-www-form-urlencoded;charset=UTF-8", a.encoded(pair{"f.req", encode([]any{[]any{[]any{a.alnum(6), inner, nil, "generic"}}})}, pair{"at", a.safe(34) + ":" + a.digits(13)})+"&")
	case 1:
		return a.call("POST", "/document/d/"+a.safe(44)+"/save?id="+a.safe(44)+"&sid="+a.hex(16)+"&vc=1&c=1&w=1&flr=0&smv=147&token="+a.safe(40)+"%3A"+a.digits(13)+"&includes_info_params=true").body("application/x-www-form-urlencoded;charset=UTF-8", a.encoded(pair{"rev", a.digits(2)}, pair{"bundles", encode([]object{{"commands": []object{{"ty": "is", "ibi": 12, "s": a.one(sentencesEnglish)}}, "sid": a.hex(16), "reqId": 3}})}))
	}
	return a.call("POST", "/aura?r=3&aura.ApexAction.execute=1").body("application/x-www-form-urlencoded; charset=UTF-8", a.encoded(pair{"message", encode(object{"actions": []object{{"id": "12;a", "descriptor": "aura://ApexActionController/ACTION$execute", "callingDescriptor": "UNKNOWN", "params": object{"namespace": "", "classname": "SearchController", "method": "getRecords", "params": object{"q": a.query()}}}}})}, pair{"aura.context", encode(object{"mode": "PROD", "fwuid": a.safe(22), "app": "siteforce:communityApp", "loaded": object{"APPLICATION@markup://siteforce:communityApp": a.safe(22)}, "dn": []any{}, "globals": object{}, "uad": false})}, pair{"aura.pageURI", "/s/" + a.slug() + "?tab=" + a.one(nouns)}, pair{"aura.token", "null"}))
}

// device is what no person sits in front of: things, webhooks, programs.
func (a *author) device() Request {
	doc := object{"device": a.hex(12), "t": a.moment().Unix(), "readings": []object{{"k": "temp", "v": 21.5}, {"k": "hum", "v": 40}}, "fw": a.version()}
	hook := func(agent, target string) *builder {
		b := a.start(client{app: true, agent: agent}, "POST", "hooks."+a.one(sites), target)
		return b.add("Accept", "*/*").add("Accept-Encoding", "gzip")
	}
	issue := object{"action": "opened", "issue": object{"number": a.between(1, 9999), "title": a.title(), "body": a.prose(2) + "\n\n```\n" + a.one(snippets) + "\n```\n", "user": object{"login": a.one(nouns), "html_url": a.page()}}, "repository": object{"full_name": a.one(nouns) + "/" + a.one(nouns), "html_url": a.page()}}
	switch a.IntN(12) {
	case 0:
		b := hook("GitHub-Hookshot/"+a.hex(7), "/github").add("X-GitHub-Event", "issues").add("X-Hub-Signature-256", "sha256="+a.hex(64))
		if a.chance(30) {
			return b.body(formType, "payload="+component(encode(issue)))
		}
		return b.body(jsonType, encode(issue))
	case 1:
		return hook("Stripe/1.0 (+https://stripe.com/docs/webhooks)", "/stripe").add("Stripe-Signature", "t="+a.digits(10)+",v1="+a.hex(64)).body("application/json; charset=utf-8", encode(object{"id": "evt_" + a.alnum(24), "object": "event", "type": "invoice.paid", "data": object{"object": object{"id": "in_" + a.alnum(24), "amount_paid": 1990, "customer_email": a.email()}}}))
	case 2:
		return hook("Slackbot 1.0 (+https://api.slack.com/robots)", "/slack/actions").add("X-Slack-Signature", "v0="+a.hex(64)).body(formType, "payload="+component(encode(object{"type": "block_actions", "user": object{"id": "U" + strings.ToUpper(a.alnum(10)), "name": a.one(nouns)}, "actions": []object{{"action_id": "approve", "value": a.one(nouns)}}, "response_url": "https://hooks.example.com/actions/" + a.alnum(30)})))
	case 3:
		return a.native("POST", "/telemetry/v1").body(a.one([]string{jsonType, "application/cbor", "application/octet-stream", "application/senml+json"}), encode(doc))
	case 4:
		return a.native("POST", "/api/v2/write?bucket=home&precision=s").body(textUTF8, "weather,location=köln temperature=21.5,humidity=40i "+a.digits(10)+"\nweather,location=bonn temperature=20.5 "+a.digits(10)+"\n")
	case 5:
		return a.git()
	case 6:
		return a.start(client{app: true, agent: "docker/27.3.1 go/go1.22.7 kernel/6.8.0 os/linux arch/amd64 UpstreamClient(Docker-Client/27.3.1 \\(linux\\))"}, "GET", "registry."+a.one(sites), "/v2/"+a.one(nouns)+"/"+a.one(nouns)+a.one([]string{"/manifests/latest", "/blobs/sha256:" + a.hex(64), "/tags/list?n=100"})).add("Accept", "application/vnd.docker.distribution.manifest.v2+json").add("Accept", "application/vnd.oci.image.index.v1+json").add("Accept-Encoding", "gzip").Request
	case 7:
		return a.start(client{app: true, agent: "npm/10.8.2 node/v20.18.0 linux x64 workspaces/false"}, "GET", "registry."+a.one(sites), a.one([]string{"/@" + a.one(nouns) + "%2f" + a.one(nouns), "/" + a.one(nouns) + "/-/" + a.one(nouns) + "-" + a.version() + ".tgz", "/-/npm/v1/security/advisories/bulk"})).add("Accept", "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*").Request
	case 8:
		return a.start(client{app: true, agent: a.one([]string{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"})}, "GET", "www."+a.one(sites), "/"+a.one(sections)+"/"+a.slug()).add("Accept", "text/html,application/xhtml+xml").add("From", "googlebot(at)example.com").Request
	case 9:
		return a.start(client{app: true, agent: a.one([]string{"kube-probe/1.31", "curl/8.5.0", "Go-http-client/1.1", "python-requests/2.32.3", "Wget/1.21.4", "PostmanRuntime/7.42.0"})}, "GET", "www."+a.one(sites), a.one([]string{"/healthz", "/api/v1/" + a.one(nouns), "/robots.txt", "/sitemap.xml"})).add("Accept", "*/*").Request
	case 10:
		return a.native("PUT", "/"+a.one(nouns)+"-bucket/"+a.slug()+".jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA"+strings.ToUpper(a.alnum(16))+"%2F20261010%2Feu-central-1%2Fs3%2Faws4_request&X-Amz-Date=20261010T101010Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature="+a.hex(64)).body("image/jpeg", "\xff\xd8\xff\xe0"+string(a.bytes(a.between(2000, 20000))))
	}
	return a.native("POST", "/v1/push/register").body(jsonType, encode(object{"token": a.safe(140) + ":APA91b" + a.safe(134), "platform": "android", "topics": []string{a.one(nouns)}}))
}

func (a *author) git() Request {
	repository := "/" + a.one(nouns) + "/" + a.one(nouns) + ".git"
	c := client{app: true, agent: "git/2.47.0"}
	if a.chance(50) {
		return a.start(c, "GET", "git."+a.one(sites), repository+"/info/refs?service=git-upload-pack").add("Accept", "*/*").add("Git-Protocol", "version=2").Request
	}
	body := "0014command=ls-refs\n0014agent=git/2.47.0" + "0016object-format=sha1" + "0001" + "0009peel\n000csymrefs\n0014ref-prefix HEAD\n0000"
	if a.chance(50) {
		body = "0032want " + a.hex(40) + "\n00000009done\n"
	}
	return a.start(c, "POST", "git."+a.one(sites), repository+"/git-upload-pack").add("Accept", "application/x-git-upload-pack-result").add("Git-Protocol", "version=2").body("application/x-git-upload-pack-request", body)
}

// document in XML: feeds, remote calls, calendars.
func (a *author) xml() Request {
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(a.prose(1))
	head := `<?xml version="1.0" encoding="UTF-8"?>`
	switch a.IntN(6) {
	case 0:
		return a.native("POST", "/xmlrpc.php").body("text/xml", head+"<methodCall><methodName>wp.newComment</methodName><params><param><value><int>1</int></value></param><param><value><string>"+text+"</string></value></param></params></methodCall>")
	case 1:
		return a.native("POST", "/services/"+a.one(nouns)).add("SOAPAction", `"urn:getOrder"`).body("text/xml; charset=utf-8", head+`<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header/><soap:Body><getOrder xmlns="urn:example:v1"><id>`+a.digits(6)+`</id><text>`+text+`</text></getOrder></soap:Body></soap:Envelope>`)
	case 2:
		return a.native("POST", "/ews/exchange.asmx").body("application/soap+xml; charset=utf-8", head+`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><m:FindItem xmlns:m="urn:example:messages" Traversal="Shallow"><m:ItemShape><t:BaseShape xmlns:t="urn:example:types">IdOnly</t:BaseShape></m:ItemShape></m:FindItem></s:Body></s:Envelope>`)
	case 3:
		return a.native("PROPFIND", "/remote.php/dav/calendars/"+a.one(nouns)+"/").add("Depth", "1").body("application/xml; charset=utf-8", `<?xml version="1.0"?><d:propfind xmlns:d="DAV:" xmlns:cs="http://calendarserver.org/ns/"><d:prop><d:displayname/><cs:getctag/></d:prop></d:propfind>`)
	case 4:
		return a.others("POST", "/feed/update").body("application/rss+xml", head+"<rss version=\"2.0\"><channel><title>"+text+"</title><link>https://"+a.one(sites)+"/</link><item><title>"+text+"</title><link>https://"+a.one(sites)+"/"+a.slug()+"</link></item></channel></rss>")
	}
	return a.call("POST", "/api/order.xml").body("application/xml", head+`<order id="`+strconv.Itoa(a.IntN(1e6))+`"><item sku="`+a.alnum(8)+`" qty="1"/><note>`+text+`</note></order>`)
}
