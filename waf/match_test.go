package waf

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// chained are requests that match a chain, and the value that the match hangs on.
var chained = []struct {
	rule    int
	target  string
	request *Request
	body    string
}{
	{920170, "REQUEST_HEADERS:Content-Length", get("/", Header{Name: "Content-Length", Value: "3"}), "a=b"},
	{920190, "REQUEST_HEADERS:Range", get("/", Header{Name: "Range", Value: "bytes=5-2"}), ""},
	{920310, "REQUEST_HEADERS:Accept", &Request{Method: "GET", Target: "/", Protocol: "HTTP/1.1", Host: "a.test", Headers: []Header{
		{Name: "Host", Value: "a.test"}, {Name: "User-Agent", Value: "x"}, {Name: "Accept", Value: ""}}}, ""},
	{920420, "REQUEST_HEADERS:Content-Type", post("/", "text/unheard", "x"), "x"},
	{920450, "REQUEST_HEADERS_NAMES:Proxy", get("/", Header{Name: "Proxy", Value: "x"}, Header{Name: "X-Other", Value: "x"}), ""},
	{931130, "ARGS:url", get("/?a=1&url=http://evil.test/x&z=2"), ""},
	{932200, "ARGS:c", get("/?a=/b/*&c=/bin/l?+x"), ""},
	{932205, "REQUEST_HEADERS:Referer", get("/", Header{Name: "Referer", Value: "http://evil.test/a.b?c;cat /etc/pa*s d"}), ""},
	{942100, "ARGS:q", get("/?a=1---&q=" + sqli), ""},
	{942130, "ARGS:q", get("/?q='a'='a'&r=2"), ""},
	{943110, "ARGS_NAMES:PHPSESSID", get("/?PHPSESSID=abc", Header{Name: "Referer", Value: "http://evil.test/"}), ""},
}

// firstTargets are the first target of each rule that has matched.
func firstTargets(f *Findings) map[int]string {
	first := map[int]string{}
	for _, m := range f.Matches {
		if len(m.Targets) > 0 {
			first[m.RuleID] = m.Targets[0].Name
		}
	}
	return first
}

// What is named of a chain is what can be excluded of it: everywhere, and below a path.
func TestChainsNameWhatMatters(t *testing.T) {
	paranoid := func(p *Policy) {
		p.BlockingParanoia, p.DetectionParanoia, p.InboundThreshold = 4, 4, 10000
		p.CRS.AllowedContentTypes = []string{"application/x-www-form-urlencoded"}
	}
	e := mustEngine(t, paranoid)
	var exclusions []Exclusion
	for _, c := range chained {
		_, f := run(t, e, c.request, c.body)
		if got := firstTargets(&f)[c.rule]; got != c.target {
			t.Errorf("rule %d: %q, want %q among %v", c.rule, got, c.target, f.Matches)
		}
		exclusions = append(exclusions, Exclusion{Source: "test", RuleIDs: strconv.Itoa(c.rule), Target: c.target})
	}
	for _, path := range []string{"", "/"} {
		excluding := mustEngine(t, paranoid, func(p *Policy) {
			p.Exclusions = slices.Clone(exclusions)
			for i := range p.Exclusions {
				p.Exclusions[i].Path = path
			}
		})
		if err := excluding.NoScreen(); err != nil {
			t.Errorf("path %q: %v", path, err)
		}
		for _, c := range chained {
			_, f := run(t, excluding, c.request, c.body)
			if got, still := firstTargets(&f)[c.rule]; still {
				t.Errorf("path %q: rule %d still matches %s", path, c.rule, got)
			}
		}
	}
}

// Of what is not there nothing can be excluded, and its name says so.
func TestCountsOfNothing(t *testing.T) {
	r := get("/")
	r.Headers = slices.DeleteFunc(r.Headers, func(h Header) bool { return h.Name == "User-Agent" })
	_, f := run(t, mustEngine(t, func(p *Policy) { p.BlockingParanoia, p.DetectionParanoia = 2, 2 }), r, "")
	if got := firstTargets(&f)[920320]; !strings.EqualFold(got, "&REQUEST_HEADERS:User-Agent") {
		t.Errorf("%q of %v", got, f.Matches)
	}
}

// Rules that sum up are told from those that have found something.
func TestSummaries(t *testing.T) {
	_, f := run(t, mustEngine(t), get("/?q="+sqli), "")
	var sums, finds []int
	for _, m := range f.Matches {
		if m.Summary {
			sums = append(sums, m.RuleID)
		} else {
			finds = append(finds, m.RuleID)
		}
	}
	if !slices.Equal(sums, []int{949110, 980170}) || !slices.Contains(finds, 942100) {
		t.Errorf("summaries %v, findings %v", sums, finds)
	}
}
