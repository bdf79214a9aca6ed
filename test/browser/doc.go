// Package browser has a real browser, Chromium, ask for pages through the tier: with scripts, without them, and with
// what it got for one page at another. And it has people look at the page of the admin listener: those who see little, those
// without a mouse, and those whom an attacker wants to see more than text.
package browser
