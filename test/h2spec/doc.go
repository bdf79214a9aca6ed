// Package h2spec asks the real binary what h2spec asks of servers of HTTP/2 and HPACK
// (https://github.com/summerwind/h2spec), strictly.
package h2spec
