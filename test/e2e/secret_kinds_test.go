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

// carried are requests that carry a secret: what rules may quote has an attack in it.
func carried(s secret, host string) (requests []string) {
	text := func(method, target, fields, body string) {
		length := ""
		if body != "" {
			length = fmt.Sprintf("Content-Length: %d\r\n", len(body))
		}
		requests = append(requests, method+" "+target+" HTTP/1.1\r\nHost: "+host+"\r\nUser-Agent: curl/8\r\nAccept: */*\r\n"+fields+length+"\r\n"+body)
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
