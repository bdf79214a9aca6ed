package coding

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnknown says that a body has a coding that this package does not undo. HTTP answers with 415
// and a list of what is supported (RFC 9110, section 15.5.16).
var ErrUnknown = errors.New("unknown content coding")

// UnknownError is the ErrUnknown that names the coding.
type UnknownError struct {
	Name string // as it stood in the field, never empty
}

// Error returns a text with the beginning of the name, quoted.
func (e *UnknownError) Error() string {
	name := e.Name
	if len(name) > 40 {
		name = name[:40]
	}
	return fmt.Sprintf("%v %q", ErrUnknown, name)
}

// Is reports whether target is [ErrUnknown].
func (e *UnknownError) Is(target error) bool { return target == ErrUnknown }

// Coding is a content coding. The zero value is none.
type Coding uint8

// The codings that a Decoder undoes.
const (
	Gzip    Coding = iota + 1 // RFC 1952, also called x-gzip
	Deflate                   // RFC 1950, or RFC 1951
	Brotli                    // RFC 7932
	Zstd                      // RFC 8878
)

var names = [...]string{"none", "gzip", "deflate", "br", "zstd"}

// String returns the name that Content-Encoding uses.
func (c Coding) String() string {
	if int(c) >= len(names) {
		return fmt.Sprintf("coding %d", uint8(c))
	}
	return names[c]
}

// Parse reads the value of a Content-Encoding field (RFC 9110, section 8.4): codings separated by
// commas, in the order in which they were applied. Names have no case. Empty elements and "identity"
// change nothing and are left out, so the result may be empty. Parameters do not exist here. The
// error is an *UnknownError.
//
// Several fields have to be joined with commas before, in the order in which they were sent.
func Parse(field string) ([]Coding, error) {
	var codings []Coding
	for element := range strings.SplitSeq(field, ",") {
		name := strings.Trim(element, " \t")
		if name == "" {
			continue
		}
		switch lower(name) {
		case "identity":
		case "gzip", "x-gzip":
			codings = append(codings, Gzip)
		case "deflate":
			codings = append(codings, Deflate)
		case "br":
			codings = append(codings, Brotli)
		case "zstd":
			codings = append(codings, Zstd)
		default:
			return nil, &UnknownError{Name: name}
		}
	}
	return codings, nil
}

// lower returns name in lower case. Unlike strings.ToLower and strings.EqualFold it leaves alone what
// is not ASCII: U+017F would be an s there, and no other reader of the field agrees.
func lower(name string) string {
	for i := range len(name) {
		if c := name[i]; c >= 'A' && c <= 'Z' {
			b := []byte(name)
			for j, c := range b {
				if c >= 'A' && c <= 'Z' {
					b[j] = c | 0x20
				}
			}
			return string(b)
		}
	}
	return name
}
