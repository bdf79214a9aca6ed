package suite

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// repeats is the one template that tests use: a text many times.
var repeats = regexp.MustCompile(`\{\{\s*("(?:[^"\\\n]|\\.)*")\s*\|\s*repeat\s+(\d{1,9})\s*\}\}`)

// mostFilled bounds what a few letters of a test can become.
const mostFilled = 16 << 20

// fill fills the templates of a body in. Other text in braces stays: it is what attacks on templates look like.
func fill(body string) (string, error) {
	var b strings.Builder
	for {
		at := repeats.FindStringSubmatchIndex(body)
		if at == nil {
			b.WriteString(body)
			return b.String(), nil
		}
		text, err := strconv.Unquote(body[at[2]:at[3]])
		if err != nil {
			return "", fmt.Errorf("data: %s is no text in quotes", body[at[2]:at[3]])
		}
		times, err := strconv.Atoi(body[at[4]:at[5]])
		if err != nil || b.Len()+times*len(text) > mostFilled {
			return "", fmt.Errorf("data: %s becomes more than %d MiB", body[at[0]:at[1]], mostFilled>>20)
		}
		b.WriteString(body[:at[0]])
		b.WriteString(strings.Repeat(text, times))
		body = body[at[1]:]
	}
}
