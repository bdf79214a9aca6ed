package challenge

import "strings"

// longestBack is how long the way back to what was asked for can be; longer ones lose their query.
const longestBack = 2048

// Back is the way back to a target of a request: the target itself if a browser cannot but stay on the site when it is
// sent there, less of it if there is too much, and else the home page.
func Back(target string) string {
	if len(target) > longestBack {
		target, _, _ = strings.Cut(target, "?")
	}
	if !sameSite(target) {
		return "/"
	}
	return target
}

// sameSite reports whether a text is a path of the same site to every browser. Browsers take a second slash for the
// beginning of a host, a backslash for a slash, and see no control bytes at all. What is not ASCII never comes from a
// browser.
func sameSite(target string) bool {
	if len(target) == 0 || len(target) > longestBack || target[0] != '/' || strings.HasPrefix(target, "//") ||
		strings.HasPrefix(target, Prefix) {
		return false
	}
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f || c == '\\' || c == '#' || c == '"' || c == '<' || c == '>' {
			return false
		}
	}
	return true
}
