package e2e

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
)

// secret is one of a kind: a text that is written somewhere in a request, and what of it nobody may see.
type secret struct {
	kind   string
	field  string // the name that tells; empty: the form does
	value  string
	hidden string
	own    bool // the operator has said so
}

// secrets are those of testdata/secrets.txt.
func secrets(t *testing.T) (all []secret) {
	t.Helper()
	f, err := os.Open("testdata/secrets.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if names, ok := strings.CutPrefix(line, "names: "); ok {
			for name := range strings.FieldsSeq(names) {
				mark := markOf(len(all))
				all = append(all, secret{kind: name, field: name, value: mark, hidden: mark})
			}
		} else if form, ok := strings.CutPrefix(line, "form: "); ok {
			all = append(all, formed(form, len(all)))
		} else if form, ok := strings.CutPrefix(line, "base64: "); ok {
			s := formed(form, len(all))
			s.kind, s.value = line, base64.StdEncoding.EncodeToString([]byte(s.value))
			all = append(all, s)
		} else if form, ok := strings.CutPrefix(line, "own: "); ok {
			s := formed(form, len(all))
			s.own = true
			all = append(all, s)
		}
	}
	return all
}

// markOf is what is looked for: no other text has it.
func markOf(n int) string { return fmt.Sprintf("Zq%03dVx", n) }

// formed writes a mark in a form.
func formed(form string, n int) secret {
	s := secret{kind: form, hidden: markOf(n)}
	if brand, ok := strings.CutPrefix(form, "{"); ok && strings.HasSuffix(form, "}") && !strings.Contains(form, `"`) && !strings.Contains(form, "{s}") {
		s.value = card(strings.TrimSuffix(brand, "}"), n)
		s.hidden = s.value
		return s
	}
	basic := base64.StdEncoding.EncodeToString([]byte("jane:" + s.hidden))
	s.value = strings.NewReplacer("{s}", s.hidden, "{S}", strings.ToUpper(s.hidden), "{basic}", basic).Replace(form)
	switch {
	case strings.Contains(form, "{basic}"):
		s.hidden = basic
	case strings.Contains(form, "{S}"):
		s.hidden = strings.ToUpper(s.hidden)
	}
	return s
}

// card is a number of a brand with a valid check digit, written in groups if asked.
func card(brand string, n int) string {
	brand, groups, _ := strings.Cut(brand, " ")
	kind := map[string]struct {
		prefix string
		length int
	}{
		"visa": {"4539", 16}, "mastercard": {"5412", 16}, "amex": {"3782", 15}, "diners": {"3056", 14}, "discover": {"6011", 16},
		"jcb": {"3530", 16}, "maestro": {"6759", 19}, "unionpay": {"6240", 16},
	}[brand]
	digits := kind.prefix + fmt.Sprintf("%03d", n)
	for len(digits) < kind.length-1 {
		digits += "7"
	}
	sum := 0
	for i, d := range digits {
		v := int(d - '0')
		if (len(digits)-i)%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	digits += fmt.Sprint((10 - sum%10) % 10)
	between := map[string]string{"spaces": " ", "dashes": "-"}[groups]
	if between == "" {
		return digits
	}
	var parts []string
	for len(digits) > 4 {
		parts, digits = append(parts, digits[:4]), digits[4:]
	}
	return strings.Join(append(parts, digits), between)
}

// attack is what makes a rule quote the text beside it.
const attack = "' or 1=1 -- "

// written is the text of a request.
func written(host, method, target, fields, body string) string {
	if !strings.Contains(fields, "User-Agent:") {
		fields += "User-Agent: curl/8\r\n"
	}
	if body != "" {
		fields += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: */*\r\n" + fields + "\r\n" + body
}

// oddly are requests that carry a named secret in the ways that clients, and those who hide something, find.
func oddly(s secret, host string) (requests []string) {
	text := func(method, target, fields, body string) {
		requests = append(requests, written(host, method, target, fields, body))
	}
	const form, asJSON, asText, parts = "Content-Type: application/x-www-form-urlencoded\r\n", "Content-Type: application/json\r\n", "Content-Type: text/plain\r\n", "Content-Type: multipart/form-data; boundary=zz\r\n"
	value, quoted := s.value+attack, url.QueryEscape(s.value+attack)
	first := fmt.Sprintf("%02x", s.field[0])
	escaped := `\u00` + first + s.field[1:]
	in64 := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	document := `{"user":"jane","` + s.field + `":"` + value + `"}`

	text("POST", "/json/escaped", asJSON, `{"q":"`+attack+`","`+escaped+`":"`+value+`"}`)
	text("POST", "/json/deep", asJSON, `[{"a":[[{"b":{"`+s.field+`":[["`+value+`"],{"c":"`+s.value+`"}]}}]]}]`)
	text("POST", "/json/twice", asJSON, `{"`+s.field+`":"x","n":1e400,"`+s.field+`":"`+value+`","n":123456789012345678901234567890}`)
	text("POST", "/json/within", asJSON, `{"q":"{\"a\":{\"`+s.field+`\":\"`+value+`\"}}"}`)
	text("POST", "/json/broken", asJSON, `{"a":1,,"`+s.field+`":"`+value)
	text("POST", "/json/text", asText, `{"q":"`+attack+`","name":"`+s.field+`","value":"`+value+`"}`)
	text("POST", "/json/lines", "Content-Type: application/x-ndjson\r\n", `{"a":"`+attack+`"}`+"\n"+document+"\n"+document)
	text("POST", "/graphql", asJSON, `{"query":"mutation($v:String){login(`+s.field+`:\"`+value+`\"){id}}","variables":{"`+s.field+`":"`+value+`","input":{"`+s.field+`":"`+value+`"}}}`)
	text("GET", "/graphql?query="+url.QueryEscape(`{login(`+s.field+`:"`+value+`"){id}}`)+"&variables="+url.QueryEscape(document), "", "")
	text("GET", "/query/twice?%25"+first+url.QueryEscape(s.field[1:])+"="+quoted, "", "")
	text("GET", "/query/once?%"+first+url.QueryEscape(s.field[1:])+"="+quoted+"&x=1", "", "")
	text("GET", "/query/deep?a%5B0%5D%5B"+url.QueryEscape(s.field)+"%5D="+quoted+"&b."+url.QueryEscape(s.field)+"="+quoted+"&new+"+url.QueryEscape(s.field)+"="+quoted, "", "")
	text("GET", "/query/nested?next="+url.QueryEscape("https://h.example/?"+s.field+"="+quoted+"&x=1"), "", "")
	text("GET", "/query/again?"+s.field+"=1&"+s.field+"="+quoted+"&"+strings.ToUpper(s.field)+"[]="+quoted, "", "")
	text("GET", "/query/semicolon?a=1;"+s.field+"="+quoted, "", "")
	text("GET", "/base64?data="+url.QueryEscape(in64(document))+"&x="+url.QueryEscape(attack), "", "")
	text("GET", "/base64/"+base64.RawURLEncoding.EncodeToString([]byte(document))+"?x="+url.QueryEscape(attack), "", "")
	text("POST", "/base64/body", form, "payload="+url.QueryEscape(in64(in64(s.field+"="+value)))+"&x="+url.QueryEscape(attack))
	text("POST", "/base64/json", asJSON, `{"q":"`+attack+`","blob":"`+in64(document)+`"}`)
	text("GET", "/base64/header", "X-Data: "+in64(document)+attack+"\r\nReferer: https://h.example/?d="+in64(document)+"\r\n", "")
	text("POST", "/parts/single", parts, "--zz\r\nContent-Disposition: form-data; name='"+s.field+"'\r\n\r\n"+value+"\r\n--zz--\r\n")
	text("POST", "/parts/bare", parts, "--zz\r\ncontent-disposition:form-data;name="+s.field+"\r\n\r\n"+value+"\r\n--zz--\r\n")
	text("POST", "/parts/star", parts, "--zz\r\nContent-Disposition: form-data; name*=UTF-8''%"+first+s.field[1:]+"\r\n\r\n"+value+"\r\n--zz--\r\n")
	text("POST", "/parts/file", parts, "--zz\r\nContent-Disposition: form-data; name=\"f\"; filename*=UTF-8''"+url.PathEscape(s.field+"="+s.value)+".txt; filename=\""+s.field+"="+s.value+".txt\"\r\nContent-Type: text/plain\r\n\r\n"+s.field+"="+value+"\r\n--zz--\r\n")
	text("POST", "/parts/json", parts, "--zz\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n"+document+"\r\n--zz--\r\n")
	text("POST", "/parts/open", parts, "--zz\r\nContent-Disposition: form-data; name=\""+s.field+"\"\r\n\r\n"+value)
	if strings.ContainsAny(s.field, "[%.") {
		return requests
	}
	text("GET", "/header/case", "x-"+strings.ToUpper(s.field)+": "+value+"\r\nX-"+s.field+": a\r\nx-"+s.field+":"+value+"\r\n", "")
	text("GET", "/header/binary", s.field+"-bin: "+in64(s.value)+"\r\nX-Bin: "+in64(s.field+": "+s.value)+"\r\nX-Q: "+attack+"\r\n", "")
	text("GET", "/header/forwarded", "Forwarded: for=1.2.3.4;"+s.field+"=\""+value+"\"\r\nVia: 1.1 p ("+s.field+"="+s.value+")\r\n", "")
	text("GET", "/header/links", "Referer: https://h.example/"+s.field+"/4f9c2ab1"+s.value+"?"+s.field+"="+s.value+"#"+s.field+"="+s.value+attack+"\r\nOrigin: https://jane:"+s.value+"@h.example\r\n", "")
	text("GET", "/cookie/quoted?q="+url.QueryEscape(attack), "Cookie: a=\""+s.value+"; x\"; "+s.field+"=\""+s.value+attack+"\"\r\nCookie: theme="+s.value+"\r\n", "")
	text("GET", "/header/agent?q="+url.QueryEscape(attack), "User-Agent: app/1 ("+s.field+"="+s.value+"; "+attack+")\r\n", "")
	text("POST", "/xml/attribute", "Content-Type: application/xml\r\n", `<a `+s.field+`="`+value+`" b="1"><![CDATA[`+s.field+`=`+value+`]]></a>`)
	text("POST", "/xml/soap", "Content-Type: text/xml\r\nSOAPAction: \""+s.field+"="+value+"\"\r\n", `<s:Envelope xmlns:s="http://x"><s:Body><m:`+s.field+` xmlns:m="u">`+value+`</m:`+s.field+`><p><name>`+s.field+`</name><value>`+value+`</value></p></s:Body></s:Envelope>`)
	text("POST", "/xml/named", asText, attack+`<input value="`+s.value+`" name="`+s.field+`"><string name="`+s.field+`">`+value+`</string>`)
	text("POST", "/yaml", "Content-Type: application/yaml\r\n", "q: "+attack+"\nenv:\n- name: "+s.field+"\n  value: "+value+"\n"+s.field+": "+s.value+"\n")
	text("POST", "/text", asText, attack+"\nexport "+s.field+"='"+value+"'\n"+s.field+" = "+s.value+"\n")
	text("POST", "/type", "Content-Type: text/"+s.field+"; "+s.field+"=\""+s.value+"\"\r\n", attack)
	text("GET", "/path/"+s.field+"="+quoted, "", "")
	text("GET", "/path;a=1;"+s.field+"="+s.value+"/x;"+s.field+"="+s.value+"?q="+url.QueryEscape(attack), "", "")
	text("GET", "/verify/42/4f9c2ab1"+s.value+"?q="+url.QueryEscape("see /reset/4f9c2ab1"+s.value+attack), "", "")
	text("PROPFIND", "/dav?q="+url.QueryEscape(attack), "Destination: http://h.example/?"+s.field+"="+s.value+"\r\nIf: (<urn:"+s.field+"="+s.value+">)\r\n", "")
	return requests
}

// carried are requests that carry a secret: what rules may quote has an attack in it.
func carried(s secret, host string) (requests []string) {
	text := func(method, target, fields, body string) {
		requests = append(requests, written(host, method, target, fields, body))
	}
	const form, asJSON = "Content-Type: application/x-www-form-urlencoded\r\n", "Content-Type: application/json\r\n"
	if s.field != "" {
		value := s.value + attack
		text("GET", "/a?"+s.field+"="+url.QueryEscape(value), "", "")
		text("POST", "/b", form, "x=1&"+s.field+"="+url.QueryEscape(value))
		text("POST", "/c", asJSON, `{"a":1,"`+s.field+`":"`+value+`"}`)
		text("POST", "/d", "Content-Type: multipart/form-data; boundary=zz\r\n",
			"--zz\r\nContent-Disposition: form-data; name=\""+s.field+"\"\r\n\r\n"+value+"\r\n--zz--\r\n")
		if !strings.ContainsAny(s.field, "[%.") {
			text("GET", "/e", "X-"+s.field+": "+value+"\r\nCookie: "+s.field+"="+s.value+"\r\n", "")
			text("GET", "/f;"+s.field+"="+s.value+"/x?q="+url.QueryEscape(attack), "", "")
			text("POST", "/h", asJSON, `{"q":"`+attack+`","name":"`+s.field+`","value":"`+s.value+`"}`)
			text("POST", "/i", form, "q="+url.QueryEscape(attack)+"&name="+s.field+"&value="+s.value)
			text("GET", "/j/"+s.field+"/4f9c2ab17de0534c"+s.value+"?q="+url.QueryEscape(attack), "Sec-WebSocket-Protocol: chat, "+s.field+", "+s.value+"\r\n", "")
			text("POST", "/g", "Content-Type: text/xml\r\n", "<a><"+s.field+">"+value+"</"+s.field+"></a>")
		}
		return requests
	}
	value := attack + s.value
	text("GET", "/a?q="+url.QueryEscape(value), "", "")
	text("POST", "/b", form, "q="+url.QueryEscape(value))
	text("GET", "/c", "X-Note: "+value+"\r\nReferer: https://h.example/?q="+url.QueryEscape(value)+"\r\n", "")
	text("GET", "/d?q="+url.QueryEscape(attack), "User-Agent: "+s.value+"\r\n", "")
	text("GET", "/e/"+strings.ReplaceAll(url.QueryEscape(s.value), "+", "%20")+"?q="+url.QueryEscape(attack), "", "")
	return requests
}
