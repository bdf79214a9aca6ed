// Package hold keeps listening sockets for processes that may be killed. A [Keeper], in a process of its own
// that reads nothing from the network, has a second descriptor of each socket; when the process that serves on it ends without
// a word, the kernel goes on queueing connections, and the next process takes the socket and accepts them.
// Nobody is refused in between, only slow.
//
// Both sides speak over a Unix socket, one connection for each listening socket. The process says which address it
// wants, the keeper answers [has], with the descriptor, or [none]; the process may give one ([keep]) and
// says [bye] before it closes its own. A connection that ends without is a process that was killed.
package hold

// Words of both sides, a byte each.
const (
	has  = 'h' // with a descriptor
	none = 'n'
	keep = 'k' // with a descriptor
	bye  = 'b'
)

// maxAddress is how long the first line of a connection may be.
const maxAddress = 256
