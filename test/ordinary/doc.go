// Package ordinary writes requests as browsers and apps send them on the open web, and measures
// how many of them the tier refuses. Nothing in it is an attack, so whatever is refused is refused
// wrongly.
//
// The shares of the kinds follow what the network panel of a browser shows: four fifths are GET
// requests of pages, assets and interfaces, the rest are beacons, calls and forms. Nuisances are
// there in the measure in which the web has them: JSON in arguments and cookies, bodies that are
// something else than their media type says, URLs in URLs, macros that nobody replaced, a dozen
// scripts, prose that talks about code. No request was removed because a rule dislikes it.
//
// The same seed gives the same requests in every run. Functions may be called concurrently. What
// they return is the caller's own.
package ordinary
