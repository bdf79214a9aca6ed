package reading

import "strings"

// xmlHarmless reports whether a value is one that documents have by the thousand, that rules made for
// arguments would take for an attack, and that can be none: a word such as base64, which is a command
// too, the name of a namespace, the media type of XHTML, an image, what drawings are made of. Rules
// see them as XML://@* alone.
func xmlHarmless(value string) bool {
	if xmlOnly(value, "-_") {
		return !strings.HasPrefix(value, "__") && !strings.Contains(value, "--")
	}
	switch c := value[0]; {
	case c == 'h' && (strings.HasPrefix(value, "http://www.w3.org/") || strings.HasPrefix(value, "http://xmlns.")):
		return xmlPlainURI(value)
	case c == 'u' && strings.HasPrefix(value, "urn:"):
		return xmlPlainURI(value)
	case c == 'a' && strings.HasPrefix(value, "application/xhtml+xml"):
		return xmlOnly(value[len("application/xhtml+xml"):], "; =-")
	case c == 'd' && strings.HasPrefix(value, "data:image/"):
		kind, data, ok := strings.Cut(value[len("data:image/"):], ";base64,")
		return ok && kind != "svg+xml" && xmlOnly(kind, "-.") && xmlOnly(data, "+/= \n\r\t")
	}
	return xmlDrawing(value)
}

// xmlPlainURI reports whether a value has nothing but what names of namespaces are made of. Nobody
// fetches them, and rules about classes look for them in XML://@*.
func xmlPlainURI(value string) bool {
	return xmlOnly(value, ":/.-_#") && !strings.Contains(value, "..")
}

// xmlNamespace reports whether a value is the name of a namespace at a host that has a name.
func xmlNamespace(value string) bool {
	host, ok := strings.CutPrefix(value, "http://")
	if !ok {
		host, ok = strings.CutPrefix(value, "https://")
	}
	return ok && host != "" && 'a' <= lowerByte(host[0]) && lowerByte(host[0]) <= 'z' && xmlPlainURI(value)
}

// xmlDrawing reports whether a value has nothing but numbers, the letters that are commands of SVG's
// paths, one by one, and transformations and colors with numbers in their parentheses.
func xmlDrawing(value string) bool {
	open := false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case '0' <= c && c <= '9', c == '.', c == ',', c == '+', c == '%', c == ' ', c == '\n', c == '\r', c == '\t':
		case c == '-':
			if i > 0 && value[i-1] == '-' {
				return false
			}
		case c == ')' && open:
			open = false
		case 'a' <= lowerByte(c) && lowerByte(c) <= 'z':
			from := i
			for i+1 < len(value) && ('a' <= lowerByte(value[i+1]) && lowerByte(value[i+1]) <= 'z') {
				i++
			}
			if i == from {
				continue
			}
			if open || i+1 == len(value) || value[i+1] != '(' || !xmlDrawingFunction(value[from:i+1]) {
				return false
			}
			open = true
			i++
		default:
			return false
		}
	}
	return !open
}

func xmlDrawingFunction(name string) bool {
	switch name {
	case "translate", "rotate", "scale", "matrix", "skewX", "skewY", "rgb", "rgba", "hsl", "hsla":
		return true
	}
	return false
}

// xmlOnly reports whether a text has no characters but letters, digits and those of also.
func xmlOnly(text, also string) bool {
	for i := range len(text) {
		c := lowerByte(text[i])
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(also, c) >= 0) {
			return false
		}
	}
	return true
}
