// Package admin serves the second listener, the one for operators: health, readiness,
// metrics, reload, the live configuration and profiles.
//
// It leaves to others what is ready, how to reload and what the configuration is: the
// caller passes functions for these. It never stands in the path of a request. Who asks is
// known by a token, by a certificate, or by being on the same machine, and has a role. What
// changes state takes POST and refuses browsers that come from another site.
//
// The handler is safe for concurrent use, as the functions in Options must be.
package admin
