package k8s

import (
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
	"github.com/wafer-waf/wafer/importer"
)

// What ingress-nginx says to ModSecurity becomes a policy.

// uninspected is the policy of routes that ModSecurity did not see.
const uninspected = "uninspected"

// policy returns the id of the policy for an Ingress. The controller writes its own snippet into the block that
// all of nginx is in, and that of an Ingress into the block of each path: there ModSecurity has the rules of both,
// and of settings those of the Ingress.
func (im *nginx) policy(a *annotated) string {
	on := func(s string) bool { b, err := strconv.ParseBool(strings.TrimSpace(s)); return err == nil && b }
	everywhere, everywhereCRS := on(im.global["enable-modsecurity"]), on(im.global["enable-owasp-modsecurity-crs"])
	enabled := everywhere
	if a.has("enable-modsecurity") {
		enabled = a.bool("enable-modsecurity")
	}
	crs := on(a.get("enable-owasp-core-rules")) && !everywhereCRS || everywhere && everywhereCRS
	where := "Ingress " + a.Namespace + "/" + a.Name
	snippet := a.values["modsecurity-snippet"]
	a.get("modsecurity-snippet")
	if id := a.get("modsecurity-transaction-id"); id != "" {
		im.note(Told, a, "modsecurity-transaction-id %s: the tier has request ids of its own, and takes those of trusted proxies", id)
	}
	if !enabled {
		if snippet != "" || crs && !everywhere {
			im.note(Decide, a, "has settings for ModSecurity, which is not enabled: they are left out, as they had no effect")
		}
		im.note(Decide, a, "was not inspected, and stays so under policy %s: change its mode to detect to see what would be blocked", uninspected)
		return im.out.AddPolicy(file.Policy{ID: uninspected, Mode: "off"}, nil)
	}
	var texts []importer.Text
	if everywhere && im.global["modsecurity-snippet"] != "" {
		texts = append(texts, importer.Text{Name: im.controller + ": modsecurity-snippet", Line: 1, Depth: 1, Text: importer.NginxQuoted(im.global["modsecurity-snippet"])})
	}
	if snippet != "" {
		texts = append(texts, importer.Text{Name: where + ": modsecurity-snippet", Line: 1, Depth: 2, Text: importer.NginxQuoted(snippet)})
	}
	d := importer.Read(texts, importer.Options{ID: id(a.Name, a.Namespace), CRS: crs})
	d.InForce(where)
	return im.out.AddPolicy(d.Policy(), d)
}
