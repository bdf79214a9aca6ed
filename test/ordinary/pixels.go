package ordinary

import (
	"strconv"
	"strings"
)

// pixel is a GET whose query is the message: analytics, advertising, statistics of pages.
func (a *author) pixel() Request {
	at, from := a.page(), a.page()
	var target string
	switch a.IntN(22) {
	case 0, 1:
		target = "/g/collect?v=2&tid=G-" + strings.ToUpper(a.alnum(10)) + "&gtm=45je4a70v9" + a.digits(9) + "za200&_p=" + a.digits(13) + "&gcd=13l3l3l3l1l1&npa=0&dma=1&tag_exp=101671035~101747727&cid=" + a.digits(9) + "." + a.digits(10) + "&ul=de-de&sr=" + a.size() + "&uaa=x86&uab=64&uafvl=" + component("Chromium;128.0.6613.120|Not;A=Brand;24.0.0.0|Google Chrome;128.0.6613.120") + "&uam=&uamb=0&uap=Windows&_s=2&sid=" + a.digits(10) + "&sct=1&seg=1&dl=" + component(at) + "&dr=" + component(from) + "&dt=" + component(a.title()) + "&en=" + a.one([]string{"page_view", "scroll", "user_engagement", "view_item"}) + "&pr1=" + component("id"+a.digits(5)+"~nm"+a.query()+"~pr19.9~qt1") + "&ep.method=" + a.one(nouns) + "&_et=12"
	case 2:
		target = "/j/collect?" + a.encoded(pair{"v", "1"}, pair{"_v", "j101"}, pair{"a", a.digits(9)}, pair{"t", "event"}, pair{"ec", a.one(nouns)}, pair{"ea", a.one([]string{"click", "exec", "select", "play (auto)"})}, pair{"el", a.title()}, pair{"dl", at}, pair{"dt", a.title()}, pair{"_u", "YEBAAEABAAAAAC~"}, pair{"tid", "UA-" + a.digits(8) + "-1"}, pair{"z", a.digits(9)})
	case 3:
		target = "/tr/?" + a.encoded(pair{"id", a.digits(16)}, pair{"ev", "PageView"}, pair{"dl", at}, pair{"rl", from}, pair{"if", "false"}, pair{"ts", a.digits(13)}, pair{"cd[content_name]", a.title()}, pair{"cd[content_ids]", `["` + a.digits(6) + `"]`}, pair{"cd[buttonFeatures]", encode(object{"classList": "btn btn-primary", "id": "", "innerText": a.title(), "tag": "button", "type": "submit"})}, pair{"sw", "1920"}, pair{"v", "2.9.168"}, pair{"cdl", "API_unavailable"}, pair{"coo", "false"})
	case 4:
		target = "/action/0?" + a.encoded(pair{"ti", a.digits(8)}, pair{"Ver", "2"}, pair{"mid", a.uuid()}, pair{"sid", a.hex(32)}, pair{"pi", "0"}, pair{"lg", "de-DE"}, pair{"sw", "1920"}, pair{"tl", a.title()}, pair{"p", at}, pair{"r", from}, pair{"lt", "1234"}, pair{"evt", "pageLoad"}, pair{"sv", "1"}, pair{"rn", a.digits(6)})
	case 5:
		target = "/watch/" + a.digits(8) + "?" + a.encoded(pair{"wmode", "7"}, pair{"page-url", at}, pair{"page-ref", from}, pair{"charset", "utf-8"}, pair{"browser-info", "pv:1:vf:" + a.alnum(20) + ":fu:0:en:utf-8:la:ru-RU:v:1384:cn:1:dp:0:ls:" + a.digits(12) + ":hid:" + a.digits(8) + ":z:180:i:20261010101010:et:" + a.digits(10) + ":c:1:rn:" + a.digits(8) + ":u:" + a.digits(19) + ":w:1903x969:s:1920x1080x24:sk:1:ds:0,0,123,45,1,0,,567,12,,,,900:t:" + a.title()}, pair{"t", "gdpr(14)clc(0-0-0)rqnt(1)aw(1)rcm(1)cdl(na)eco(42009092)ti(1)"})
	case 6:
		target = "/ss/" + a.one(brands) + "/1/JS-2.22.0/s" + a.digits(14) + "?AQB=1&ndh=1&pf=1&" + a.encoded(pair{"t", "10/9/2026 10:20:30 6 -120"}, pair{"mid", a.digits(38)}, pair{"ce", "UTF-8"}, pair{"pageName", a.one(sections) + ":" + a.title()}, pair{"g", at}, pair{"r", from}, pair{"events", "event1,event20=3"}, pair{"products", ";" + a.digits(6) + ";1;19.90;event5=1;eVar3=" + a.one(nouns)}, pair{"c1", "D=v1"}, pair{"v1", a.one(nouns) + "|" + a.one(nouns)}, pair{"v12", "+1"}, pair{"s", a.size()}, pair{"j", "1.6"}, pair{"v", "N"}) + "&AQE=1"
	case 7:
		target = "/b?c1=2&c2=" + a.digits(8) + "&cs_it=b9&cv=4.0.0&ns__t=" + a.digits(13) + "&ns_c=UTF-8&" + a.encoded(pair{"c7", at}, pair{"c8", a.title()}, pair{"c9", from})
	case 8:
		target = "/gampad/ads?pvsid=" + a.digits(16) + "&correlator=" + a.digits(16) + "&eid=31087340%2C31087341&output=ldjh&gdfp_req=1&vrg=202410070101&impl=fifs&iu_parts=" + a.digits(8) + "%2C" + a.one(sections) + "%2C" + a.one(nouns) + "&enc_prev_ius=%2F0%2F1%2F2&prev_iu_szs=300x250%7C300x600%2C728x90&ifi=1&sfv=1-0-40&fsapi=false&prev_scp=" + component("pos=top&hb_bidder="+a.one(nouns)+"&hb_pb=0.10&test=a|pos=bottom") + "&cust_params=" + component("kw="+a.one(nouns)+","+a.one(nouns)+"&section="+a.one(sections)+"&url=/"+a.slug()+"&user=(none)") + "&sc=1&abxe=1&dt=" + a.digits(13) + "&lmt=" + a.digits(10) + "&adxs=310&adys=1234&biw=1903&bih=969&gdpr=1&gdpr_consent=" + a.consent() + "&addtl_consent=2~70.89.93.108~dv.&url=" + component(at) + "&ref=" + component(from) + "&frm=20&vis=1&psz=1903x0&msz=300x0&fws=4&ohw=1903&a3p=" + a.safe(40) + "."
	case 9:
		target = "/pagead/viewthroughconversion/" + a.digits(9) + "/?random=" + a.digits(13) + "&cv=11&fst=" + a.digits(13) + "&bg=ffffff&guid=ON&async=1&u_w=1920&u_h=1080&url=" + component(at) + "&ref=" + component(from) + "&hn=www.example.com&frm=0&tiba=" + component(a.title()) + "&npa=0&pscdl=noapi&data=" + component("event=page_view;ecomm_prodid="+a.digits(5)+","+a.digits(5)+";ecomm_pagetype="+a.one(nouns)+";ecomm_totalvalue=19.9") + "&rfmt=3&fmt=4"
	case 10:
		target = "/pcs/activeview?xai=AKAOj" + a.safe(120) + "&sai=AMfl-" + a.safe(90) + "&sig=Cg0ArKJSz" + a.safe(20) + "&cid=CAQSK" + a.safe(60) + "&id=lidar2&mcvt=1001&p=0,0,90,728&mtos=1001,1001,1001,1001,1001&tos=1001,0,0,0,0&v=20241007&bin=7&avms=nio&bs=0,0&mc=1&vu=1&app=0&itpl=3&adk=" + a.digits(9) + "&rs=4&la=0&cr=0&uach=WyJXaW5kb3dzIiwiMTUuMC4wIiwieDg2IiwiIiwiMTI4LjAuNjYxMy4xMjAiLG51bGwsMCxudWxsLCI2NCIsW11d&vs=4&r=v&rst=" + a.digits(13) + "&rpt=300&isd=0&msd=0&met=ie&wmsd=0&pbe=0&fle=0&vae=0&spb=0&sfl=0&ffslot=0&reach=8&io2=0"
	case 11:
		target = "/i?" + a.encoded(pair{"stm", a.digits(13)}, pair{"e", "ue"}, pair{"url", at}, pair{"page", a.title()}, pair{"refr", from}, pair{"eid", a.uuid()}, pair{"tv", "js-3.24.0"}, pair{"tna", "cf"}, pair{"aid", a.one(nouns)}, pair{"cx", a.base64JSON(object{"schema": "iglu:com.example/contexts/jsonschema/1-0-0", "data": []object{{"id": a.uuid()}}})}, pair{"ue_px", a.base64JSON(a.event())})
	case 12:
		target = "/track/?data=" + component(b64(encode(a.event()))) + "&ip=1&_=" + a.digits(13)
	case 13:
		target = "/piwik.php?" + a.encoded(pair{"action_name", a.title()}, pair{"idsite", "3"}, pair{"rec", "1"}, pair{"url", at}, pair{"urlref", from}, pair{"_cvar", encode(object{"1": []string{"lang", "de"}})}, pair{"send_image", "0"}, pair{"e_c", a.one(nouns)}, pair{"e_a", a.one(nouns)})
	case 14:
		target = "/ping?" + a.encoded(pair{"h", a.one(sites)}, pair{"p", "/" + a.slug()}, pair{"u", a.safe(21)}, pair{"d", a.one(sites)}, pair{"g", a.digits(5)}, pair{"g0", a.one(sections) + "," + a.one(sections)}, pair{"g1", a.name()}, pair{"n", "1"}, pair{"f", "00001"}, pair{"c", "0.03"}, pair{"i", a.title()}, pair{"r", from}, pair{"_", ""})
	case 15:
		target = "/v3/?" + a.encoded(pair{"event", "pagevisit"}, pair{"tid", a.digits(13)}, pair{"pd", encode(object{"np": "gtm"})}, pair{"ed", encode(object{"value": 19.9, "currency": "EUR", "line_items": []object{{"product_id": a.digits(5)}}})}, pair{"ec", encode(object{"ids": encode([]string{a.digits(5)})})}, pair{"ad", encode(object{"loc": at, "ref": from, "if": false, "sh": 1080, "sw": 1920, "mh": a.hex(8), "is_eu": true})}, pair{"cb", a.digits(13)})
	case 16:
		target = "/gen_204?atyp=csi&ei=" + a.safe(22) + "&s=web&t=all&imn=12&ima=3&imad=0&wh=969&opi=" + a.digits(8) + "&dt=&ts=" + a.digits(5) + "&rt=hst.12,cbt.34,prt.56,sct.78,frts.90,aft.123,xjses.456&zx=" + a.digits(13)
	case 17:
		target = "/h?" + a.encoded(pair{"a", a.digits(10)}, pair{"u", a.digits(16)}, pair{"v", a.digits(16)}, pair{"s", a.digits(16)}, pair{"b", "web"}, pair{"tv", "4.0"}, pair{"z", "2"}, pair{"h", "/" + a.slug()}, pair{"d", a.one(sites)}, pair{"t", a.title()}, pair{"y", "@div;#app;|@main;.content;|@a;.btn;.btn-primary;[href=/cart];|"}, pair{"pr", "/"}, pair{"sp", "r"}, pair{"ts", a.digits(13)})
	case 18:
		target = "/cm/s?" + a.encoded(pair{"payload", encode(object{"dp": a.digits(4), "url": at, "events": []string{"viewHome"}})}, pair{"cb", a.digits(13)})
	case 19:
		target = "/event?" + a.encoded(pair{"a", a.digits(5)}, pair{"v", "5.23.0"}, pair{"p0", "e=exd&site_type=d"}, pair{"p1", "e=vp&p=" + a.digits(6)}, pair{"p2", "e=dis"}, pair{"adce", "1"}, pair{"bundle", a.safe(80)}, pair{"tld", a.one(sites)}, pair{"fu", at}, pair{"pu", from}, pair{"ceid", a.uuid()}, pair{"dtycbr", a.digits(5)})
	case 20:
		target = "/imp?" + a.encoded(pair{"adid", a.digits(9)}, pair{"sessionId", a.uuid()}, pair{"pageUrl", at}, pair{"ts", a.digits(13)})
	default:
		target = "/collect?" + a.encoded(pair{"sid", a.uuid()}, pair{"url", at}, pair{"sel", a.one([]string{"body > div.page > a:nth-child(2)", "#main .btn[data-id='3']", "div.card > h3", "header a.logo", "#menu li:nth-child(4)", "//*[@id=\"app\"]/div[2]/a"})}, pair{"x", "12"}, pair{"y", "-1"}, pair{"o", encode(object{"w": 1920, "h": 1080})})
	}
	if a.chance(50) {
		host := "www.stats." + a.one(sites)
		b := a.start(a.client(), "GET", host, target)
		b.add("Accept", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8")
		a.fetch(b, "cross-site", "no-cors", "image")
		b.add("Referer", at)
		a.finish(b)
		return b.Request
	}
	return a.others("GET", target).Request
}

// sync is how bidders learn each other's identifiers; macros are replaced by whoever comes next.
func (a *author) sync() Request {
	macro := a.one([]string{"$UID", "$UID", "$UID", "$UID", a.uuid(), a.safe(22), a.digits(19), "${UID}", "[UID]", "{UID}", "{viewer_token}", "%%VGUID%%", "__UID__", "#PMUID", "$!{TURN_UUID}", "${ADELPHIC_CUID}", "{{UID}}", "<vsid>", a.uuid()})
	gdpr, consent := a.one([]string{"1", "1", "1", "1", "1", "1", "0", "0", "0", "0", "0", "0", "0", "", "", "", "", "${GDPR}", "{GDPR}", "{{gdpr}}"}), a.consent()
	if strings.Contains(gdpr, "GDPR") {
		consent = a.one([]string{"${GDPR_CONSENT_" + a.digits(3) + "}", "{GDPR_CONSENT}"})
	}
	ccpa := a.one([]string{"", "", "1---", "1YNN", "1YNY", "1NNN", "1-N-"})
	to := "https://" + a.one([]string{"sync", "ib", "match", "cm"}) + ".adtech.example.net/setuid?bidder=" + a.one(nouns) + "&gdpr=" + gdpr + "&gdpr_consent=" + consent + "&us_privacy=" + ccpa + "&gpp=&gpp_sid=&f=i&uid=" + macro
	target := a.one([]string{"/usersync?", "/getuid?", "/cksync?", "/match?", "/sync/" + a.one(nouns) + "?"}) + a.encoded(pair{"gdpr", gdpr}, pair{"gdpr_consent", consent}, pair{"us_privacy", ccpa}, pair{a.one([]string{"redir", "r", "redirectUri", "url", "ru"}), to})
	switch a.IntN(4) {
	case 0:
		target = "/getuid?" + to
	case 1:
		target = "/" + a.one([]string{"ul_cb", "bounce"}) + "?" + a.encoded(pair{"partner_id", a.digits(4)}, pair{"partner_device_id", a.uuid()}, pair{"ttd_puid", a.uuid() + "," + a.uuid() + ","}, pair{"gpp_sid", "7,8"})
	}
	b := a.start(a.client(), "GET", "sync.adtech.example.net", target)
	b.add("Accept", "image/avif,image/webp,*/*;q=0.8")
	a.fetch(b, "cross-site", "no-cors", a.one([]string{"image", "iframe"}))
	b.add("Referer", "https://www."+a.one(sites)+"/")
	a.finish(b)
	return b.Request
}

// bid asks for advertisements: OpenRTB and its relatives.
func (a *author) bid() Request {
	imp := []object{}
	for range a.between(1, 4) {
		imp = append(imp, object{"id": a.hex(14), "tagid": "/" + a.digits(8) + "/" + a.one(sections) + "/" + a.one(nouns), "bidfloor": 0.1, "banner": object{"format": []object{{"w": 300, "h": 250}, {"w": 300, "h": 600}}, "topframe": 1}, "ext": object{"gpid": "/" + a.digits(8) + "/" + a.one(nouns) + "#div-gpt-ad-" + a.digits(13), "tid": a.uuid()}})
	}
	rtb := object{"id": a.uuid(), "imp": imp, "at": 1, "cur": []string{"USD"}, "tmax": 1000, "bcat": []string{"IAB25", "IAB26"}, "site": object{"domain": a.one(sites), "page": a.page(), "ref": a.page(), "keywords": a.one(nouns) + "," + a.one(nouns), "content": object{"language": "de"}},
		"device": object{"ua": a.client().agent, "language": "de", "dnt": 0, "w": 1920, "h": 1080, "sua": object{"platform": object{"brand": "Windows"}}}, "regs": object{"ext": object{"gdpr": 1, "us_privacy": a.one([]string{"1---", "1---", "1YNN", "1NNN", ""})}}, "user": object{"ext": object{"consent": a.consent(), "eids": []object{{"source": "example.net", "uids": []object{{"id": a.safe(40), "atype": 1}}}}}}, "source": object{"ext": object{"schain": object{"ver": "1.0", "complete": 1, "nodes": []object{{"asi": a.one(sites), "sid": a.digits(5), "hp": 1}}}}}}
	switch a.IntN(6) {
	case 0:
		return a.others("GET", "/cygnus?s="+a.digits(6)+"&v=7.2&r="+component(encode(rtb))+"&ac=j&sd=1&nf=1").Request
	case 1:
		return a.others("GET", "/a/api/fastlane.json?account_id="+a.digits(5)+"&size_id=15&alt_size_ids=10&rp_schain="+component("1.0,1!"+a.one(sites)+","+a.digits(5)+",1,,,")+"&rf="+component(a.page())+"&tg_i.pbadslot="+component("/"+a.digits(8)+"/"+a.one(nouns)+"#div")+"&p_gpid=x&x_source.tid="+a.uuid()+"&tk_flint=pbjs_lite_v9.10.0&kw=rp.fastlane&slots=1&rand=0."+a.digits(16)+"&gdpr=1&gdpr_consent="+a.consent()).Request
	case 2:
		return a.others("GET", "/e/dtb/bid?"+a.encoded(pair{"src", a.digits(4)}, pair{"u", a.page()}, pair{"pid", a.safe(13)}, pair{"cb", "0"}, pair{"ws", a.size()}, pair{"v", "24.1001.1"}, pair{"t", "1000"}, pair{"slots", encode([]object{{"sd": "div-gpt-ad-" + a.digits(13) + "-0", "s": []string{"300x250", "300x600"}, "sn": "/" + a.digits(8) + "/" + a.one(nouns)}})}, pair{"pj", encode(object{"device": object{"sua": object{"mobile": 0, "platform": object{"brand": "Windows"}}}})}, pair{"schain", "1.0,1!" + a.one(sites) + "," + a.digits(5) + ",1,,,"}, pair{"gdprl", encode(object{"status": "cmp-timeout"})})).Request
	}
	return a.others("POST", a.one([]string{"/ut/v3/prebid", "/openrtb2/auction", "/translator?source=prebid-client", "/cdb?profileId=207&av=36&wv=9.10.0&cb=" + a.digits(11), "/hb/v1?cb=" + strconv.Itoa(a.IntN(1e6)), "/bid/pbjs"})).body(a.one([]string{plainType, plainType, textUTF8, jsonType}), encode(rtb))
}
