package reading

// Options are what a policy says about how requests are read. The zero value is the default.
type Options struct {
	// XMLDoctype is whether an XML document may have a document type with an internal subset.
	// Without it no document type is read; external ones never are.
	XMLDoctype bool
	// Files is what rules see of the contents of uploaded files.
	Files FileMode
	// Schema names the fields in messages of gRPC; nil: they have numbers.
	Schema *Schema
	// KnownFields is whether messages of gRPC may have no other fields than those that Schema names.
	KnownFields bool
}

// FileMode is what rules see of the contents of uploaded files.
type FileMode uint8

const (
	// FilesActive shows what makes a file dangerous to a server or a browser: code, and documents that are read.
	FilesActive FileMode = iota
	// FilesSkip shows nothing of them.
	FilesSkip
	// FilesAll shows all text in them, too.
	FilesAll
)

// Uninspected says in one word what kind of thing in the body rules do not see; it is empty if they see
// all of it. It is known after Body.
func (v *Values) Uninspected() string { return v.left }

// leave says that a part of the body is not inspected. The first word stays.
func (v *Values) leave(word string) {
	if v.left == "" {
		v.left = word
	}
}
