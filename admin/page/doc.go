// Package page is what a browser shows of the tier: one document, a style sheet and modules of JavaScript, written
// by hand, embedded and served as they are. All they show they ask for at the endpoints of the admin listener, by the
// rights of who looks at them; the files themselves tell nothing and are for everybody.
//
// The handlers are safe for concurrent use.
package page
