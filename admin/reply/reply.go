// Package reply writes what the admin listener answers in JSON: values, and problems.
package reply

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/rs/zerolog"
)

// JSON encodes before it answers: a value that does not encode is a 500, not half a
// document with status 200.
func JSON(w http.ResponseWriter, status int, value any, log zerolog.Logger) {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		log.Error().Err(err).Msg("encode admin response")
		Problem(w, http.StatusInternalServerError, "response not encoded", nil)
		return
	}
	write(w, status, "application/json", body)
}

// problem is a problem document (RFC 9457) with two members of our own.
type problem struct {
	Title    string   `json:"title"`
	Status   int      `json:"status"`
	Error    string   `json:"error"`
	Problems []string `json:"problems,omitempty"`
}

// Problem answers with a title and, if there is one, the error: whole, and by lines.
func Problem(w http.ResponseWriter, status int, title string, err error) {
	body := problem{Title: title, Status: status, Error: title}
	if err != nil {
		body.Error = err.Error()
		for line := range strings.Lines(body.Error) {
			if line = strings.TrimSpace(line); line != "" {
				body.Problems = append(body.Problems, line)
			}
		}
	}
	encoded, _ := json.Marshal(body) // strings and an int always encode
	write(w, status, "application/problem+json", encoded)
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client has left; nobody is left to tell
}
