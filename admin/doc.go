// Package admin serves the second listener, the one for operators: health, readiness,
// metrics, reload, the live configuration and profiles.
//
// It leaves to others what is ready, how to reload and what the configuration is: the
// caller passes functions for these. It imports no other package of this module, and it
// never stands in the path of a request. Nobody is authenticated here: the listener
// belongs on an address that only the cluster's operators and its monitoring reach. What
// changes state takes POST and refuses browsers that come from another site.
//
// The handler is safe for concurrent use, as the functions in Options must be.
package admin
