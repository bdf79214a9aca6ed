// Package wire sends the binary what clients and applications may put on a socket, byte by
// byte, and looks at what comes out at the other end. The tables in testdata/requests and
// testdata/responses say what: adding a case adds a block and no Go.
//
// It belongs to tests only and exports nothing.
package wire
