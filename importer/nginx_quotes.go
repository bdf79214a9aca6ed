package importer

import "strings"

// NginxQuoted undoes the quoting of a text that nginx reads between single quotes, as ingress-nginx writes
// snippets. A text with a quote that is not escaped ends there for nginx, so it was never read that way: it is
// taken as it stands.
func NginxQuoted(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\'' {
			return s
		}
		// \t, \r and \n are line breaks and tabs to nginx. In expressions they mean the same as they are.
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`\'"`, s[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
