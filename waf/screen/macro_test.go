package screen

import (
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/residue"
)

// TestExpand compares macros with Coraza's.
func TestExpand(t *testing.T) {
	known := residue.NewConstants()
	known.Values["set"], known.Values["empty"] = "value", ""
	e := &evaluation{values: new(reading.Values), rule: &residue.Rule{Known: known}, tx: map[string]variable{"own": {text: "mine"}}, matched: []match{{"ARGS", "q", "text"}}}
	e.values.Head(&reading.Request{
		Method: "GET", Target: "/a?q=1&q=2&Up=3", Protocol: "HTTP/1.1", Host: "shop", ClientAddr: "192.0.2.1", ID: "id",
		Headers: []reading.Header{{Name: "Host", Value: "shop:80"}, {Name: "Cookie", Value: "c=d"}},
	})
	w, err := coraza.NewWAF(coraza.NewWAFConfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"plain", "%{tx.set}", "a%{TX.Set}b", "%{tx.own}", "%{tx.unset}", "%{tx.empty}", "x%{tx.empty}y", "%{request_method}", "%{REQUEST_URI}",
		"%{args.q}", "%{ARGS.up}", "%{args.none}", "%{args_get.q}%{args_post.q}", "%{request_headers.host}", "%{REQUEST_HEADERS.Cookie}",
		"%{request_cookies.c}", "%{remote_addr}", "%{response_body}", "%", "%%{tx.set}%", "{%{tx.set}}",
	} {
		m := residue.ParseMacro(text)
		if !m.Understood() {
			t.Errorf("%s is not understood", text)
			continue
		}
		if got, want := e.expand(m), corazaExpands(t, w, text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	if got := e.expand(residue.ParseMacro("%{MATCHED_VAR}/%{matched_var_name}")); got != "text/ARGS:q" {
		t.Errorf("got %q", got)
	}
	for _, text := range []string{"%{args_names.q}", "%{args}", "%{rule.id}", "%{duration}", "%{env.home}"} {
		if residue.ParseMacro(text).Understood() {
			t.Errorf("%s is understood", text)
		}
	}
}

// corazaExpands sets a variable to the macro, in a request like that of TestExpand.
func corazaExpands(t *testing.T, base coraza.WAF, text string) string {
	t.Helper()
	w, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(`
SecRuleEngine On
SecAction "id:1,phase:1,pass,nolog,setvar:tx.set=value,setvar:tx.own=mine"
SecRule REQUEST_HEADERS:Absent-Not "!@streq x" "id:4,phase:1,pass,nolog"
SecAction "id:3,phase:1,pass,nolog,setvar:'tx.result=` + text + `'"`))
	if err != nil {
		t.Fatal(err)
	}
	tx := w.NewTransactionWithID("id")
	defer func() { _ = tx.Close() }()
	tx.ProcessConnection("192.0.2.1", 0, "", 0)
	tx.ProcessURI("/a?q=1&q=2&Up=3", "GET", "HTTP/1.1")
	tx.AddRequestHeader("Host", "shop:80")
	tx.AddRequestHeader("Cookie", "c=d")
	tx.(plugintypes.TransactionState).Variables().TX().Set("empty", []string{""})
	tx.ProcessRequestHeaders()
	return tx.(plugintypes.TransactionState).Variables().TX().Get("result")[0]
}
