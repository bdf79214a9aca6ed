// Package prove compares a firewall that was left with the tier that has taken its place: it has both judge the
// attacks of the Core Rule Set's regression tests, and such as the old firewall's exclusions are about.
//
// The old firewall is stood in for by Coraza as it comes, with the Core Rule Set that the tier has and with the
// directives as they were written, nothing of what the import made of them. So a difference is one of the
// import, and not one of versions. Three more judges say what a difference comes from: the same without its
// exclusions, which says what they let through; and the tier with settings alone, which says what it decides
// otherwise by design.
//
// The functions keep no state and may be called concurrently.
package prove
