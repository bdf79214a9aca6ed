// Package reading reads requests, and responses to them, as the applications behind the tier would: its
// [Values] are what the screen looks at and what rules are shown. Whatever it does not find nobody sees.
//
// So its measure is the applications. Every value that a common framework would read from a message is
// among the values; what two of them read in two ways is there in both, or the body is an error (REQBODY_ERROR
// and its message, which the rules refuse) or over a limit. The values that stock Coraza would find are a
// floor, which the tests hold; test/agreement compares with real parsers.
//
//   - head.go, target.go, urlencoded.go: the request line, fields, cookies, arguments;
//   - mediatype.go, body.go, look.go: what a body is read as, by its type and by its looks;
//   - form.go, json.go, multipart.go, xml.go and their kin: one kind of body each;
//   - values.go, kind.go, keys.go: what was found, by the variables of SecLang.
//
// Reading takes microseconds, is linear in the message, and needs no memory once a Values is warm.
// A Values belongs to one goroutine; its strings alias the message, which must not change meanwhile.
package reading
