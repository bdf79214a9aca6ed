package message

import "strings"

// Field is one field line: its name in the case it came in, and its value without the white space
// around it.
type Field struct{ Name, Value string }

// Is reports whether the field has that name, in any case. The name is ASCII; of equal length, no letter
// beyond ASCII can be taken for one of it.
func (f *Field) Is(name string) bool {
	return len(f.Name) == len(name) && strings.EqualFold(f.Name, name)
}

// Fields are the field lines of a head, in the order in which they came.
type Fields []Field

// Get returns the value of the first field of that name; empty if there is none.
func (f Fields) Get(name string) string {
	for i := range f {
		if f[i].Is(name) {
			return f[i].Value
		}
	}
	return ""
}

// Join returns the values of all fields of that name as one list (RFC 9110 5.3).
func (f Fields) Join(name string) string {
	list := ""
	for i := range f {
		if f[i].Is(name) && f[i].Value != "" {
			if list != "" {
				list += ", "
			}
			list += f[i].Value
		}
	}
	return list
}
