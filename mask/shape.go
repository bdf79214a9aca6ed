package mask

import "strings"

// shape is how the keys of a service begin, and how many bytes of base64url or dots follow at least.
type shape struct {
	prefix string
	least  int
}

// shapes are those that services say are theirs, so that scanners find them. They are ordered by their first letter.
var shapes = []shape{
	{"AGE-SECRET-KEY-1", 40}, {"AIza", 35}, {"AKIA", 16}, {"ASIA", 16}, {"ATATT3", 40}, {"ATCTT3", 40},
	{"CFPAT-", 20},
	{"EAAC", 60}, {"EAAG", 60},
	{"FlyV1", 20},
	{"GOCSPX-", 20},
	{"NRAK-", 20},
	{"PMAK-", 20},
	{"SG.", 40},
	{"cfut_", 30},
	{"dapi", 32}, {"dckr_pat_", 20}, {"dop_v1_", 40}, {"doo_v1_", 40}, {"dp.pt.", 30}, {"dp.st.", 30},
	{"fio-u-", 30},
	{"ghp_", 30}, {"gho_", 30}, {"ghu_", 30}, {"ghs_", 30}, {"ghr_", 30}, {"github_pat_", 30},
	{"glpat-", 16}, {"gldt-", 16}, {"glrt-", 16}, {"glsa_", 30}, {"glc_", 30},
	{"hf_", 30}, {"hvb.", 20}, {"hvs.", 20},
	{"lin_api_", 30},
	{"npm_", 30},
	{"patAA", 40}, {"pk_live_", 16}, {"pplx-", 30}, {"pscale_", 20}, {"pul-", 30}, {"pypi-", 40},
	{"r8_", 30}, {"rk_live_", 16}, {"rk_test_", 16}, {"rubygems_", 40},
	{"sbp_", 30}, {"secret_", 30}, {"shippo_live_", 20}, {"shpat_", 30}, {"shpca_", 30}, {"shppa_", 30}, {"shpss_", 30},
	{"sk-", 32}, {"sk_live_", 16}, {"sk_test_", 16}, {"sntrys_", 30}, {"sq0atp-", 20}, {"sq0csp-", 30},
	{"tskey-", 20},
	{"wafer_", 40}, {"whsec_", 20},
	{"xapp-", 20}, {"xoxa-", 16}, {"xoxb-", 16}, {"xoxe-", 16}, {"xoxp-", 16}, {"xoxr-", 16}, {"xoxs-", 16},
	{"ya29.", 20},
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
