package agreement

import (
	"slices"
	"testing"
)

// ordinary are requests that every parser reads alike, and what it reads.
var ordinary = []struct {
	request
	want entry
}{
	{request{kind: "query", method: "GET", query: "a=one+two&b=%41"}, entry{"query", "a", "one two"}},
	{request{kind: "cookies", method: "GET", cookies: []string{"a=one; b=two"}}, entry{"cookie", "b", "two"}},
	{request{kind: "form", method: "POST", contentType: "application/x-www-form-urlencoded", body: "a=1&b=one+two"}, entry{"form", "b", "one two"}},
	{request{kind: "form", method: "POST", contentType: "application/x-www-form-urlencoded", body: "a=1&b=one+two", chunked: true}, entry{"form", "b", "one two"}},
	{request{kind: "multipart", method: "POST", contentType: "multipart/form-data; boundary=XX", body: "--XX\r\n" +
		"Content-Disposition: form-data; name=\"a\"\r\n\r\none\r\ntwo\r\n--XX--\r\n"}, entry{"form", "a", "one\r\ntwo"}},
	{request{kind: "multipart", method: "POST", contentType: "multipart/form-data; boundary=XX", body: "--XX\r\n" +
		"Content-Disposition: form-data; name=\"a\"; filename=\"b.txt\"\r\n\r\ntext\r\n--XX--\r\n"}, entry{"filename", "a", "b.txt"}},
	{request{kind: "json", method: "POST", contentType: "application/json", body: `{"a":["one",{"b":"tw\u006f"}]}`}, entry{"json", "", "two"}},
	{request{kind: "xml", method: "POST", contentType: "text/xml", body: `<a b="one">two</a>`}, entry{"xml", "", "two"}},
}

// unread are the kinds that a parser does not read, or only with a package that need not be
// installed.
var unread = map[string][]string{
	"node": {"xml"},
	"perl": {"xml"},
	"php":  {"xml"},
	"ruby": {"cookies", "multipart", "xml"},
}

// checkOrigin makes sure that an origin reports what it reads, for it would agree with everything
// if it read nothing.
func checkOrigin(t *testing.T, c *court, o origin) {
	t.Helper()
	cl := &client{addr: c.w.Addr}
	defer cl.close()
	for _, test := range ordinary {
		if slices.Contains(unread[o.name], test.kind) {
			continue
		}
		a, err := cl.ask(test.raw(o.name+".test", false))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(a.read, func(e entry) bool {
			return e.where == test.want.where && e.value == test.want.value && (e.name == test.want.name || test.want.name == "")
		}) {
			t.Errorf("%s has status %d %s and reads %v, want %v of\n%s", o.name, a.status, a.text, a.read, test.want, &test.request)
		}
		if f := judge(cl, o, &test.request, true); f.wrong() || f.refused {
			t.Errorf("%s: refused %t, unseen %v %s, of\n%s", o.name, f.refused, f.unseen, f.problem, &test.request)
		}
	}
}
