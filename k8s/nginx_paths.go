package k8s

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
	networking "k8s.io/api/networking/v1"
)

// Paths of Ingresses and what rewrites them.

func quoteMeta(s string) string { return regexp.QuoteMeta(s) }

// isLiteral reports whether an expression stands for itself, but for dots, which paths
// are full of and nobody means as "any character".
func isLiteral(s string) bool { return !strings.ContainsAny(s, `\^$*+?()[]{}|`) }

// rest matches the common ways to say "this path and all below it, the rest in group 2",
// or in group 1.
var (
	restInTwo = regexp.MustCompile(`^(/[^\\^$*+?()\[\]{}|]*)\((?:/\|\$|\|/)\)\(\.\*\)$`)
	restInOne = regexp.MustCompile(`^(/[^\\^$*+?()\[\]{}|]*?)/?\(\.\*\)$`)
)

// path sets the path condition of a route, and its rewrite.
func (im *nginx) path(a *annotated, host string, p networking.HTTPIngressPath, r *file.Route) error {
	target := a.get("rewrite-target")
	a.get("use-regex")
	exact := p.PathType != nil && *p.PathType == networking.PathTypeExact
	prefix := p.PathType != nil && *p.PathType == networking.PathTypePrefix
	expression := im.regex[host] && !exact && !isLiteral(p.Path)
	switch {
	case target != "" && strings.Contains(target, "$"):
		return rewritten(p.Path, target, r)
	case target != "":
		r.Rewrite = &file.Rewrite{Path: target, Host: hostOf(r.Rewrite)}
	}
	switch {
	case p.Path == "" || p.Path == "/" && !exact:
		return nil // everything
	case exact:
		r.Paths = []file.PathMatch{{Exact: p.Path}}
	case expression:
		expr, err := wholePath(p.Path)
		if err != nil {
			return err
		}
		r.Paths = []file.PathMatch{{Regex: expr}}
	case !isLiteral(p.Path):
		return fmt.Errorf("an expression, but neither use-regex nor rewrite-target on this host")
	default:
		r.Paths = []file.PathMatch{{Prefix: p.Path}}
		if !prefix && !strings.HasSuffix(p.Path, "/") {
			im.note(Told, a, "path %s was the start of any path, such as %[1]sx; as a prefix it ends at a slash", p.Path)
		}
	}
	return nil
}

// wholePath turns an expression of ingress-nginx, which matches the start of a path in
// either case, into one that matches a whole path.
func wholePath(expr string) (string, error) {
	expr = strings.TrimPrefix(expr, "^")
	if start, ok := strings.CutSuffix(expr, "$"); ok && !strings.HasSuffix(start, `\`) {
		expr = start
	} else if !strings.HasSuffix(expr, ".*") && !strings.HasSuffix(expr, "(.*)") {
		expr = "(?:" + expr + ").*"
	}
	expr = "(?i)" + expr
	if _, err := regexp.Compile(expr); err != nil {
		return "", fmt.Errorf("its expression is not one of RE2, which the tier uses")
	}
	return expr, nil
}

// rewritten carries the rewrites that keep the rest of the path, which are a prefix and
// what replaces it.
func rewritten(path, target string, r *file.Route) error {
	base, group := "", 0
	if m := restInTwo.FindStringSubmatch(path); m != nil {
		base, group = m[1], 2
	} else if m := restInOne.FindStringSubmatch(path); m != nil {
		base, group = m[1], 1
	} else {
		return fmt.Errorf("rewrite-target %s of this expression is no replacement of a prefix", target)
	}
	to, ok := strings.CutSuffix(target, "$"+strconv.Itoa(group))
	if !ok || strings.Contains(to, "$") {
		return fmt.Errorf("rewrite-target %s is no replacement of a prefix", target)
	}
	to = "/" + strings.Trim(to, "/")
	base = "/" + strings.Trim(base, "/")
	r.Paths = []file.PathMatch{{Prefix: base}}
	if to != base {
		r.Rewrite = &file.Rewrite{Prefix: to, Host: hostOf(r.Rewrite)}
	}
	return nil
}

func hostOf(r *file.Rewrite) string {
	if r == nil {
		return ""
	}
	return r.Host
}

// nginxSize reads a size of nginx: bytes, or a number with k, m or g.
func nginxSize(s string) (int64, error) {
	digits, factor := strings.ToLower(s), int64(1)
	for suffix, f := range map[string]int64{"k": 1 << 10, "m": 1 << 20, "g": 1 << 30} {
		if without, ok := strings.CutSuffix(digits, suffix); ok {
			digits, factor = without, f
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 33)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no size", s)
	}
	return n * factor, nil
}
