package screen

import (
	"fmt"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/wafer-waf/wafer/waf/screen/extract"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

func devTexts(pl int) []seclang.Text {
	return []seclang.Text{
		{Source: "engine", Text: `SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 1048577
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "^application/[a-z0-9.-]+[+]json" "id:200006,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'Request body cannot be parsed',logdata:'%{reqbody_error_msg}',severity:2"
`},
		{Source: "setup", Text: fmt.Sprintf(`SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"
SecDefaultAction "phase:3,log,auditlog,pass"
SecDefaultAction "phase:4,log,auditlog,pass"
SecDefaultAction "phase:5,log,auditlog,pass"
SecAction "id:900000,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=4250,setvar:tx.blocking_paranoia_level=%d,setvar:tx.detection_paranoia_level=%d"`, pl, pl)},
		{Source: "crs", Text: "Include @owasp_crs/*.conf"},
	}
}

func TestDev(t *testing.T) {
	for pl := 1; pl <= 4; pl++ {
		s, err := Compile(coreruleset.FS, devTexts(pl), nil)
		if err != nil {
			t.Fatal(pl, err)
		}
		turns := 0
		for p := range s.turns {
			for _, r := range s.turns[p] {
				turns++
				if pl == 1 || pl == 3 {
					t.Logf("pl%d phase %d turn: %d guard %d links %d", pl, p, r.id, r.guard, len(r.links))
				}
			}
		}
		always := 0
		for _, r := range s.rules {
			if r.guard >= 0 {
				l := &r.links[r.guard]
				if l.negated || l.operator.need.IsAlways() {
					always++
					if pl == 1 {
						t.Logf("always: %d link %d %v %v", r.id, r.guard, l.targets[0].Variable, l.targets[0].Key)
					}
				}
			}
		}
		t.Logf("pl%d: %d rules, %d turns, %d always, %d nodes", pl, len(s.rules), turns, always, len(s.index.nodes))
		r := s.Begin()
		ok := r.Head(&extract.Request{Method: "GET", Target: "/women/shoes?color=red&page=2&sort=price_asc", Protocol: "HTTP/1.1", Host: "shop.example.com", ClientAddr: "192.0.2.7",
			Headers: []extract.Header{{Name: "Host", Value: "shop.example.com"}, {Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"}, {Name: "Accept", Value: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}, {Name: "Accept-Language", Value: "en-US,en;q=0.9"}, {Name: "Cookie", Value: "session_id=0123456789abcdef; theme=light; visitor=GA1.2.123.1718000000"}}})
		ok2 := ok && r.Body(nil)
		t.Log(ok, ok2, r.Reason())
		ok = r.ResponseHead(&extract.Response{Status: 200, Protocol: "HTTP/1.1", Headers: []extract.Header{{Name: "Content-Type", Value: "text/html"}}}) && r.ResponseBody(nil) && r.Last()
		t.Log(ok, r.Reason())
		r.End()
	}
}
