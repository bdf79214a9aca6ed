package remote

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/delivery"
)

const (
	answerBytes = 64 << 10 // of an answer that are read
	quoteBytes  = 200      // of a refusal that are told
)

// Answered says what the answer of an HTTP receiver means for a batch, and returns its body. What may be mended at the
// receiver or in the files, such as credentials that are refused, is tried again: what waits is not lost by it.
func Answered(r *http.Response) (body []byte, err error) {
	body, err = io.ReadAll(io.LimitReader(r.Body, answerBytes))
	switch s := r.StatusCode; {
	case s >= 200 && s < 300 && err != nil:
		return nil, &UnreadError{err}
	case s >= 200 && s < 300:
		return body, nil
	case s == http.StatusRequestEntityTooLarge:
		return nil, delivery.ErrTooLarge
	case s == http.StatusTooManyRequests || s == http.StatusServiceUnavailable:
		return nil, &delivery.Later{After: retryAfter(r.Header.Get("Retry-After")), Err: told(s, body)}
	case s >= 500 || s < 400, s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusNotFound,
		s == http.StatusProxyAuthRequired, s == http.StatusRequestTimeout, s == http.StatusTooEarly:
		return nil, told(s, body)
	default:
		return nil, &delivery.Refusal{Why: delivery.Refused, Err: told(s, body)}
	}
}

// UnreadError is of a receiver that has said that it has the batch, and of which the rest of the answer did not come.
type UnreadError struct{ Err error }

func (u *UnreadError) Error() string { return "answer not read to its end: " + u.Err.Error() }

// Unwrap returns what has gone wrong.
func (u *UnreadError) Unwrap() error { return u.Err }

func told(status int, body []byte) error {
	return fmt.Errorf("answered %d %s: %s", status, http.StatusText(status), Quote(string(body)))
}

// Quote is the beginning of what a receiver has said, in quotes, with nothing in it that a terminal or a log would obey.
func Quote(said string) string {
	if len(said) > quoteBytes {
		said = said[:quoteBytes]
		for n := 1; n < utf8.UTFMax; n++ { // it may be cut within a rune
			if last := said[len(said)-n:]; utf8.RuneStart(last[0]) {
				if !utf8.FullRuneInString(last) {
					said = said[:len(said)-n]
				}
				break
			}
		}
		return strconv.Quote(said) + "…"
	}
	return strconv.Quote(said)
}

// retryAfter reads the field of that name: seconds, or a date.
func retryAfter(value string) time.Duration {
	if s, err := strconv.Atoi(value); err == nil && s >= 0 && s < 1<<20 {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
