// Package browser has a real browser, Chromium, ask for pages through the tier: with scripts, without them, and with
// what it got for one page at another.
package browser
