package prove

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/wafer-waf/wafer/importer"
	"github.com/wafer-waf/wafer/importer/suite"
)

// old is what stands in for the firewall that was left.
type old struct {
	waf     coraza.WAF
	skipped []importer.Directive // that Coraza does not take
}

// settings that are the same for all. Whether it blocked or only watched is not what is compared.
const (
	begin = "Include @coraza.conf-recommended\n" + engine + "Include @crs-setup.conf.example\n"

	engine = "SecRuleEngine On\nSecResponseBodyAccess Off\nSecAuditEngine Off\nSecAuditLog /dev/null\n"
)

// part is how much of the old firewall's text is compiled.
type part int

// The parts.
const (
	settingsAlone part = iota
	withoutExclusions
	whole
)

// compileOld compiles the directives as they were written. Those that take rules out stand behind all rules, since
// Coraza looks for rules where it reads of them.
func compileOld(d *importer.Draft, of part) (*old, error) {
	o := &old{}
	var before, behind, removals strings.Builder
	ids := map[string]bool{"900990": true}
	for i := 200000; i < 200010; i++ {
		ids[fmt.Sprint(i)] = true
	}
	for _, x := range d.AsWritten() {
		if x.Excludes() && of < whole || x.Name != "secaction" && of == settingsAlone || !counts(x.Name) || onlyWatches.MatchString(x.Text) {
			continue
		}
		text := spell(x.Text)
		if m := idRx.FindStringSubmatch(text); m != nil && strings.HasPrefix(x.Name, "sec") && (x.Name == "secrule" || x.Name == "secaction") {
			if ids[m[1]] {
				continue // a second one, which ModSecurity would not take either
			}
			ids[m[1]] = true
		}
		// Changes of rules need the rules. Most can do without.
		if takes(text) != nil && (!strings.HasPrefix(x.Name, "secruleupdate") || takes("Include @owasp_crs/*.conf\n"+text) != nil) {
			o.skipped = append(o.skipped, x)
			continue
		}
		to := &before
		switch {
		case strings.HasPrefix(x.Name, "secruleremove") || strings.HasPrefix(x.Name, "secruleupdate"):
			to = &removals
		case x.Behind:
			to = &behind
		}
		to.WriteString(text + "\n")
	}
	crs := ""
	if d.CRS {
		crs = "Include @owasp_crs/*.conf\n"
	}
	var err error
	o.waf, err = compile(begin + before.String() + engine + crs + behind.String() + removals.String() + engine)
	if err != nil {
		return nil, fmt.Errorf("compile the old rules: %w", err)
	}
	return o, nil
}

// counts reports whether a directive says something about which requests are stopped.
func counts(name string) bool {
	switch name {
	case "secrule", "secaction", "secmarker", "secrequestbodyaccess":
		return true
	}
	return strings.HasPrefix(name, "secruleremove") || strings.HasPrefix(name, "secruleupdate")
}

var (
	// onlyWatches takes the rule out that decides, which is a mode and not an exclusion.
	onlyWatches = regexp.MustCompile(`(?i)^SecRule(RemoveById|UpdateActionById)\s+["']?949110\b`)

	idRx       = regexp.MustCompile(`\bid:'?([0-9]+)`)
	paranoiaRx = regexp.MustCompile(`(?i)tx\.(?:blocking_)?paranoia_level=([1-4])`)
)

// spell writes variables that CRS 4 has renamed by their new names, and has the rules run that block.
func spell(text string) string {
	text = strings.NewReplacer("tx.executing_paranoia_level=", "tx.detection_paranoia_level=").Replace(text)
	if strings.Contains(text, "detection_paranoia_level") {
		return paranoiaRx.ReplaceAllString(text, "tx.blocking_paranoia_level=$1")
	}
	return paranoiaRx.ReplaceAllString(text, "tx.blocking_paranoia_level=$1,setvar:tx.detection_paranoia_level=$1")
}

// takes reports why Coraza does not take a directive.
func takes(text string) error {
	w, err := compile(text)
	if err != nil {
		return err
	}
	return w.(experimental.WAFCloser).Close()
}

func compile(text string) (coraza.WAF, error) {
	return coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(text).
		WithErrorCallback(func(m types.MatchedRule) { _, _ = io.WriteString(io.Discard, m.ErrorLog()) })) // Discard never fails
}

func (o *old) close() error { return o.waf.(experimental.WAFCloser).Close() }

// finding reports whether a rule finds something: set-up, adding up and reporting are none.
func finding(id int) bool { return id < 900000 || id >= 902000 && id < 949000 }

// judge says whether the rules stop a request, and which of them matched.
func (o *old) judge(a *suite.Attack) (stops bool, rules []int, err error) {
	tx := o.waf.NewTransaction()
	defer func() {
		for _, m := range tx.MatchedRules() {
			if id := m.Rule().ID(); m.Message() != "" && finding(id) && !slices.Contains(rules, id) {
				rules = append(rules, id)
			}
		}
		err = errors.Join(err, tx.Close())
	}()
	tx.ProcessConnection("192.0.2.1", 40000, "", 0)
	tx.ProcessURI(a.Target, a.Method, "HTTP/1.1")
	for _, f := range a.Headers {
		tx.AddRequestHeader(f.Name, f.Value)
		if strings.EqualFold(f.Name, "Host") {
			tx.SetServerName(f.Value)
		}
	}
	it := tx.ProcessRequestHeaders()
	if it == nil && len(a.Body) > 0 {
		it, _, err = tx.WriteRequestBody(a.Body)
	}
	if it == nil && err == nil {
		it, err = tx.ProcessRequestBody()
	}
	if it != nil && finding(it.RuleID) && !slices.Contains(rules, it.RuleID) { // a rule that denies need not have a message
		rules = append(rules, it.RuleID)
	}
	return it != nil, rules, err
}
