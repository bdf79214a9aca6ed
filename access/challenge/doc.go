// Package challenge asks clients that may be programs for a proof that costs a browser a fraction of a second, and
// gives them a token for it.
//
// The tier keeps nothing of a client that it has asked. Everything that has to be known later stands in a [slip],
// signed with a key that all replicas share: the puzzle that a page carries, and the token that a cookie does. A slip
// is bound to the host, to the network and to the user agent that it was made for, so that it is worth nothing
// elsewhere. A token is made of its puzzle alone, so that a puzzle that is answered twice gives the same token twice.
//
// What is asked: a browser with scripts looks for a number whose SHA-256 begins with enough zero bits, any other client
// waits. Whoever cannot be asked, since it would not show a page, is never asked ([Askable]).
//
// The package leaves to others who is asked, what becomes of who cannot be, and the journey of the request. A
// Challenge and an Endpoint never change and may be used by many goroutines. Nothing that is given to the package is
// kept.
package challenge
