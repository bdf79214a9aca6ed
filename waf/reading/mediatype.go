package reading

import "strings"

// processor is the body processor that a media type selects; none for a type that says nothing
// of a structure that is read here.
func processor(mediaType string) string {
	name, _, _ := strings.Cut(mediaType, ";")
	name = strings.ToLower(strings.TrimSpace(name)) // may make ASCII of what is not
	switch name {
	case "application/x-www-form-urlencoded":
		return "URLENCODED"
	case "multipart/form-data":
		return "MULTIPART"
	case "application/json":
		return "JSON"
	case "application/xml", "text/xml":
		return "XML"
	}
	if strings.HasPrefix(name, "application/") {
		switch {
		case strings.HasSuffix(name, "+json"):
			return "JSON"
		case strings.HasSuffix(name, "+xml"):
			return "XML"
		}
	}
	return ""
}
