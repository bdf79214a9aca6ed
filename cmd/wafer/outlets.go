package main

import (
	"sync"
	"time"
)

// outlet takes something out of the process: events, records, spans, lines of the log. When it is closed it writes or sends
// what waits, as long as that does not take too long.
type outlet interface {
	Close(timeout time.Duration) error
}

// outlets end together, for a process that ends has one time for all of them.
type outlets struct {
	makers []outlet // give what they make to others
	others []outlet
	log    outlet // the others tell it what has become of them
}

// close ends them within outputsFlush, but for the log, which has at least sayFlush. What is lost is counted.
func (o *outlets) close() {
	until := time.Now().Add(outputsFlush)
	for _, some := range [][]outlet{o.makers, o.others} {
		var all sync.WaitGroup
		for _, one := range some {
			all.Go(func() { _ = one.Close(max(time.Until(until), 0)) })
		}
		all.Wait()
	}
	_ = o.log.Close(max(time.Until(until), sayFlush))
}
