package suite

import (
	"net/url"
	"strings"
)

// encodeForm percent-encodes a form that is written out in the clear. One that holds "%"
// or "+" says itself how it is encoded.
func encodeForm(body string) string {
	if plain, err := url.QueryUnescape(body); err != nil || plain != body || body == "" {
		return body
	}
	fields := strings.Split(strings.TrimSuffix(body, "&"), "&")
	for i, f := range fields {
		name, value, ok := strings.Cut(f, "=")
		fields[i] = url.QueryEscape(name)
		if ok {
			fields[i] += "=" + url.QueryEscape(value)
		}
	}
	return strings.Join(fields, "&")
}
