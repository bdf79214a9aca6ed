package screen

import (
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

	"github.com/wafer-waf/wafer/waf/reading"
)

// TestExpand compares macros with Coraza's.
func TestExpand(t *testing.T) {
	known := newConstants()
	known.values["set"], known.values["empty"] = "value", ""
	e := &evaluation{values: new(reading.Values), rule: &rule{known: known}, tx: map[string]variable{"own": {text: "mine"}}, matched: []match{{"ARGS", "q", "text"}}}
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
		m := parseMacro(text)
		if !m.understood() {
			t.Errorf("%s is not understood", text)
			continue
		}
		if got, want := m.expand(e), corazaExpands(t, w, text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	if got := parseMacro("%{MATCHED_VAR}/%{matched_var_name}").expand(e); got != "text/ARGS:q" {
		t.Errorf("got %q", got)
	}
	for _, text := range []string{"%{args_names.q}", "%{args}", "%{rule.id}", "%{duration}", "%{env.home}"} {
		if parseMacro(text).understood() {
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

// TestAssigned compares setvar with Coraza's, for every value after every other.
func TestAssigned(t *testing.T) {
	values := []string{"", "0", "7", "-3", "+2", "+", "-", "+x", "-x", "text", "+tx.a", "-tx.a", "12a", "+9223372036854775807", "+99999999999999999999", " 1", "1 "}
	for _, before := range values {
		for _, value := range values {
			if before == "" || value == "" {
				continue // Coraza takes no empty text
			}
			known := map[string]string{}
			for _, v := range []string{before, value} {
				if after, set := assigned(known["x"], v); set {
					known["x"] = after
				}
			}
			if got, want := known["x"], corazaAssigns(t, before, value); got != want {
				t.Errorf("%q after %q: got %q, want %q", value, before, got, want)
			}
		}
	}
}

func corazaAssigns(t *testing.T, values ...string) string {
	t.Helper()
	text := "SecRuleEngine On\n"
	for i, v := range values {
		text += `SecAction "id:` + string(rune('1'+i)) + `,phase:1,pass,nolog,setvar:'tx.x=` + v + `'"` + "\n"
	}
	w, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(text))
	if err != nil {
		t.Fatal(err)
	}
	tx := w.NewTransaction()
	defer func() { _ = tx.Close() }()
	tx.ProcessRequestHeaders()
	if got := tx.(plugintypes.TransactionState).Variables().TX().Get("x"); len(got) > 0 {
		return got[0]
	}
	return ""
}
