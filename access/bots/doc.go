// Package bots tells the robots of search engines from programs that only say they were one.
//
// Anybody can write a user agent, and whoever has an address can write its name in the reverse zone. The name is
// believed if the zone of the name says the address, too, which only its owner can write: an address of a robot has a
// name below one of its operator's domains, and that name has that address.
//
// Names are asked for in the background, a bounded number at once, and what was found is kept for a while in a bounded
// table, the nays, too. No request waits for a name: until one is found, who asks is told so.
//
// A Verifier may be used by many goroutines. It belongs to the process, since it knows nothing of a configuration.
package bots
