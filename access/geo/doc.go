// Package geo knows in which country and in which network (autonomous system) an address is, from databases that the
// operator gives, in MaxMind's format. It reads them again when they change; one that is broken leaves the old one in
// force. What is not known has a value of its own. What a country is good for is for others to know.
//
// A [Places] may be used by any number of goroutines. Databases are held in memory rather than mapped: a mapped file
// that is written in place would end the process.
package geo
