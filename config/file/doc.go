// Package file has the route file as it is written: the types that commands print it from.
// What they leave out is left to the defaults, so that a printed file says only what differs.
//
// Package config reads route files and judges them; tests load what is written here through it.
// The functions keep no state and may be called concurrently on different values.
package file
