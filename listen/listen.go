package listen

import (
	"io"
	"net/netip"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// Client is who has asked, and the way its response takes.
type Client interface {
	// Request is what it asks. Where the body can be read only when the client was told to go on, it is
	// there when [Handler.Serve] is called.
	Request() *message.Request

	// Respond gives the response, which is sent when the handler has returned. Head and bytes are
	// copied; a stream is read then and closed at the end, if it is an io.Closer. A second response
	// takes the place of the first, unless that has a stream.
	Respond(*message.Response)
	// Inform sends an interim response (1xx), at once.
	Inform(*message.Response)
	// Switch sends a response that ends HTTP (101) when the handler has returned, and runs the function with
	// what the connection is then, also if the response cannot be written: the tunnel is closed then.
	Switch(*message.Response, func(Tunnel))
	// Drop ends the connection without a response.
	Drop()
	// Close lets no request follow the response on a connection that has requests one after the other. What a
	// handler leaves of a body unread is no reason: the listener sees to it that it is not taken for a request.
	Close()
	// Retire asks for further requests to be sent on another connection, since the tier is about to end.
	Retire()

	// Gone reports whether the client has left, of which it is asked again and again since then.
	Gone(since time.Time) bool
	// GiveUp ends the reading of the request's body with an error, also if it is waiting for the
	// client. It may be called in any goroutine.
	GiveUp(*Violation)
	// Converse lets the client be silent in the middle of the request's body for as long as it likes, from now
	// on: both sides speak in turn, if the version of HTTP can do that.
	Converse()
	// Standing is what is remembered of the connection until the next request on it.
	Standing() *Standing
}

// Standing is what the last request on a connection says of the next one. The zero value says nothing.
type Standing struct {
	Client netip.Prefix // whose request it was
	Attack bool         // it was one
}

// Tunnel is a connection that has left HTTP. Reading and writing may happen at once, and closing ends both.
type Tunnel interface {
	io.ReadWriteCloser
	SetWriteDeadline(time.Time) error
	// Linger makes Close wait a little, in the background, so that what was written last can arrive.
	Linger()
	// Gone is as that of [Client].
	Gone(since time.Time) bool
}

// Handler answers requests. Its functions may be called in many goroutines at once.
type Handler struct {
	// Serve answers a request. begun is what Expect has returned for it; nil if nobody has asked.
	Serve func(c Client, begun any)
	// Expect decides about a request whose body comes when the client is told so: what it returns is
	// handed to Serve, or to Failed. nil says that it has answered.
	Expect func(c Client) (begun any)
	// Failed answers when a request, or its body after Expect, could not be read. If nothing has
	// begun, the request has at most a method and a target, as text to show of which nothing was
	// checked. The error is a [*Violation], or one of the library that parses.
	Failed func(c Client, begun any, why error)
	// Panicked is told of panics beside those of the functions above, which recover themselves.
	Panicked func(v any)
}
