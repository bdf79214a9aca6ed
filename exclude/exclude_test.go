package exclude

import "testing"

// What events tell of a path ends, for an exclusion, before what is masked or cut.
func TestTold(t *testing.T) {
	for path, want := range map[string]string{
		"/shop/item":                     "/shop/item",
		"/reset/[masked]":                "/reset",
		"/reset/[masked.3f9a1c2b7d04]/x": "/reset",
		"/pay/[card]/x":                  "/pay",
		"/k/[key]":                       "/k",
		"/a/[jwt.3f9a1c2b7d04]/b":        "/a",
		"/u/[email]":                     "/u",
		"/[masked]":                      "/",
		"/a/b…":                          "/a",
		"/a/[card]/b…":                   "/a",
		"/a/[id]/b":                      "/a/[id]/b",
		"/a/[masked/b":                   "/a/[masked/b",
	} {
		if got := Told(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
