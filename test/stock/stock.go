package stock

import (
	"io"
	"strconv"
	"strings"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/wafer-waf/wafer/test/corpus"
)

// directives are the recommended settings, but for three: blocking is on, responses pass
// unread as they do under Wafer's default policy, and the audit log is nowhere.
const directives = `
Include @coraza.conf-recommended
SecRuleEngine On
SecResponseBodyAccess Off
SecAuditLogFormat JSON
SecAuditLog /dev/null
Include @crs-setup.conf.example
Include @owasp_crs/*.conf
`

// New compiles the rules, with further directives before them. What a match of a rule that
// logs costs is in the figures, but the log line goes nowhere.
func New(more ...string) (coraza.WAF, error) {
	nowhere := func(m types.MatchedRule) { _, _ = io.WriteString(io.Discard, m.ErrorLog()) } // Discard never fails
	return coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithErrorCallback(nowhere).
		WithDirectives(strings.Join(more, "\n") + directives))
}

// Verdict is what the rules say about a request.
type Verdict struct {
	Status int   // of the refusal; 0: the request passes
	Rules  []int // ids of the detection rules that matched
}

// Judge asks the rules about one request.
func Judge(waf coraza.WAF, r corpus.Request) (v Verdict, err error) {
	tx := waf.NewTransaction()
	defer func() {
		tx.ProcessLogging()
		for _, m := range tx.MatchedRules() {
			// Set-up (901), adding up (949, 959) and reporting (980) are no findings.
			if id := m.Rule().ID(); m.Message() != "" && id >= 902000 && id < 949000 {
				v.Rules = append(v.Rules, id)
			}
		}
		if closeErr := tx.Close(); err == nil {
			err = closeErr
		}
	}()
	tx.ProcessConnection("127.0.0.1", 40000, "", 0)
	tx.ProcessURI(r.Target, r.Method, "HTTP/1.1")
	for _, f := range r.Header {
		tx.AddRequestHeader(f.Name, f.Value)
		if f.Name == "Host" {
			tx.SetServerName(f.Value)
		}
	}
	it := tx.ProcessRequestHeaders()
	if it == nil && len(r.Body) > 0 {
		it, _, err = tx.WriteRequestBody(r.Body)
	}
	if it == nil && err == nil {
		it, err = tx.ProcessRequestBody()
	}
	if it != nil {
		v.Status = max(it.Status, 400)
	}
	return v, err
}

// String names the verdict in a log line.
func (v Verdict) String() string {
	if v.Status == 0 {
		return "passes"
	}
	return "refused with " + strconv.Itoa(v.Status)
}
