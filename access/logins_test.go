package access

import (
	"testing"

	"github.com/wafer-waf/wafer/access/login"
	"github.com/wafer-waf/wafer/routing"
)

// TestLoginPaths has a path be one of a login if an application may take it for one.
func TestLoginPaths(t *testing.T) {
	l, err := newLogins("shop", &Login{Methods: []string{"POST"}, Paths: []routing.Path{
		{Kind: routing.PathExact, Value: "/Log/In"}, {Kind: routing.PathPrefix, Value: "/sessions/"}, {Kind: routing.PathRegex, Value: `/v\d+/Token`},
	}}, login.NewState(nil))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"/Log/In": true, "/log/in": true, "/LOG/IN/": true, "/log/in/x": false, "/log": false, "/login": false,
		"/sessions": true, "/Sessions/": true, "/SESSIONS/new": true, "/sessionsx": false,
		"/v1/Token": true, "/V12/token/": true, "/v/token": false, "/": false, "*": false,
	} {
		if got := l.is(&Request{Method: "POST", Path: []byte(path)}); got != want {
			t.Errorf("%s is a login: %v", path, got)
		}
	}
	if l.is(&Request{Method: "GET", Path: []byte("/log/in")}) {
		t.Error("a GET is a login")
	}
	odd := &Request{Method: "POST", Path: []byte("/x"), Readings: [][]byte{[]byte("/LOG/in")}}
	if !l.is(odd) {
		t.Error("one of two readings is no login")
	}
}
