package mask

import "strings"

// shape is how the keys of a service begin, and how many bytes of base64url or dots follow at least.
type shape struct {
	prefix string
	least  int
}

// shapes are those that services say are theirs, so that scanners find them. They are ordered by their first letter.
var shapes = []shape{
	{"AGE-SECRET-KEY-1", 20}, {"AIza", 30}, {"AKIA", 16}, {"ASIA", 16}, {"ATATT3", 16}, {"ATCTT3", 16},
	{"CFPAT-", 16},
	{"EAAC", 60}, {"EAAG", 60},
	{"FlyV1", 20},
	{"GOCSPX-", 16},
	{"NRAK-", 16},
	{"PMAK-", 16},
	{"SG.", 30},
	{"cfut_", 16},
	{"dapi", 32}, {"dckr_pat_", 16}, {"dop_v1_", 16}, {"doo_v1_", 16}, {"dp.pt.", 16}, {"dp.st.", 16},
	{"fio-u-", 16},
	{"ghp_", 16}, {"gho_", 16}, {"ghu_", 16}, {"ghs_", 16}, {"ghr_", 16}, {"github_pat_", 16},
	{"glpat-", 16}, {"gldt-", 16}, {"glrt-", 16}, {"glsa_", 16}, {"glc_", 20},
	{"hf_", 20}, {"hvb.", 20}, {"hvs.", 20},
	{"lin_api_", 16},
	{"npm_", 16},
	{"patAA", 30}, {"pk_live_", 16}, {"pplx-", 20}, {"pscale_", 16}, {"pul-", 16}, {"pypi-", 16},
	{"r8_", 20}, {"rk_live_", 16}, {"rk_test_", 16}, {"rubygems_", 16},
	{"sbp_", 20}, {"secret_", 30}, {"shippo_live_", 16}, {"shpat_", 16}, {"shpca_", 16}, {"shppa_", 16}, {"shpss_", 16},
	{"sk-", 20}, {"sk_live_", 16}, {"sk_test_", 16}, {"sntrys_", 16}, {"sq0atp-", 16}, {"sq0csp-", 16},
	{"tskey-", 16},
	{"wafer_", 16}, {"whsec_", 16},
	{"xapp-", 16}, {"xoxa-", 16}, {"xoxb-", 16}, {"xoxe-", 16}, {"xoxp-", 16}, {"xoxr-", 16}, {"xoxs-", 16},
	{"ya29.", 16},
}

// shapeStart gives the range of shapes for each first letter.
var shapeStart = func() (table [256][]shape) {
	for from := 0; from < len(shapes); {
		to := from
		for to < len(shapes) && shapes[to].prefix[0] == shapes[from].prefix[0] {
			to++
		}
		table[shapes[from].prefix[0]] = shapes[from:to]
		from = to
	}
	return table
}()

// shape masks the key of a known service.
func (c *scanner) shape(i int) int {
	if i > 0 && wordClass(c.s[i-1]) != separator {
		return i
	}
	for _, one := range shapeStart[c.s[i]] {
		if !strings.HasPrefix(c.s[i:], one.prefix) {
			continue
		}
		from := i + len(one.prefix)
		to := from
		for to < len(c.s) && (base64url(c.s[to]) || c.s[to] == '.') {
			to++
		}
		for to > from && c.s[to-1] == '.' {
			to--
		}
		if to-from >= one.least {
			return c.hide(i, to, secretKey)
		}
	}
	return i
}

// privateKey masks the block of a private key in PEM, to its end or that of the text.
func (c *scanner) privateKey(i int) int {
	const begin, end = "-----BEGIN ", "-----END "
	rest, ok := strings.CutPrefix(c.s[i:], begin)
	if !ok {
		return i
	}
	label, _, ok := strings.Cut(rest[:min(len(rest), 80)], "-----")
	if !ok || !strings.HasSuffix(label, "PRIVATE KEY") && !strings.HasSuffix(label, "PRIVATE KEY BLOCK") {
		return i
	}
	from := i + len(begin) + len(label) + len("-----")
	to := strings.Index(c.s[from:], end)
	if to < 0 {
		return c.hide(from, len(c.s), secretKey)
	}
	return c.hide(from, from+to, secretKey)
}

// maxLocalBytes of an address of e-mail stand before its @ (RFC 5321 allows 64).
const maxLocalBytes = 254

// address masks an address of e-mail, if the policy asks for it.
func (c *scanner) address(i int) int {
	if c.policy == nil || !c.policy.email {
		return i
	}
	from := i
	for from > max(c.from, i-maxLocalBytes) && localByte(c.s[from-1]) {
		from--
	}
	to, dot := i+1, 0
	for to < len(c.s) && to-i <= maxLocalBytes && (base64url(c.s[to]) && c.s[to] != '_' || c.s[to] == '.' || c.s[to] >= 0x80) {
		if c.s[to] == '.' {
			dot = to
		}
		to++
	}
	if from == i || dot == 0 || dot == i+1 {
		return i
	}
	return c.hide(from, to, secretEmail)
}

func localByte(b byte) bool {
	return wordClass(b) != separator || strings.IndexByte(".!$*+-^_~%", b) >= 0
}
