package transform

import "strings"

// The names of the transformations that Coraza does not know: whoever runs rules that use them
// registers them there. [Own] lists them.
const (
	WithoutJSON    = "withoutjson"
	WithoutGraphQL = "withoutgraphql"
	WithoutMacros  = "withoutmacros"
	WithoutPicture = "withoutpicture"
)

// Own returns the transformations that Coraza does not know.
func Own() []*Transformation {
	return []*Transformation{byName[WithoutJSON], byName[WithoutGraphQL], byName[WithoutMacros], byName[WithoutPicture]}
}

// Transformation is one of Coraza's transformations, or our own.
type Transformation struct {
	name  string
	apply func(s string, b *Buffer) (out string, changed bool)
	properties
}

// Lookup returns the transformation that Coraza registers under the name, whose case does not
// matter. "none" is there too, as the identity: Coraza's reader of SecLang treats exactly "t:none"
// as "forget those before", but "t:None" as a transformation.
func Lookup(name string) (*Transformation, bool) {
	t, ok := byName[strings.ToLower(name)]
	return t, ok
}

// Name returns the lower-case name. Spellings of the same transformation have one name.
func (t *Transformation) Name() string { return t.name }

// Apply transforms s. It returns s itself if the result equals s, and otherwise a part of s or
// bytes in buf, which live until buf is reset.
//
// changed is what Coraza's transformation reports, which decides what a multiMatch rule tests and
// is not always whether out differs from s: some report any attempt, and some miss the replacement
// of invalid UTF-8. Where Coraza's reports an error, its engine goes on with the value as it was,
// so s and false stand for that.
//
// The cost is linear in the length of s.
func (t *Transformation) Apply(s string, buf *Buffer) (out string, changed bool) {
	out, changed = t.apply(s, buf)
	if out == s {
		out = s
	}
	return out, changed
}
