package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// outlet takes something out of the process: events, records, spans, lines of the log. When it is closed it writes or sends
// what waits, as long as that does not take too long.
type outlet interface {
	Close(timeout time.Duration) error
}

// called is an outlet that has a name.
type called struct {
	outlet
	name string
}

// Close implements outlet.
func (c called) Close(timeout time.Duration) error {
	if err := c.outlet.Close(timeout); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// inTurn are outlets each of which gives what it makes to the next one.
type inTurn []outlet

// Close implements outlet.
func (t inTurn) Close(timeout time.Duration) error {
	until := time.Now().Add(timeout)
	var all []error
	for _, one := range t {
		all = append(all, one.Close(max(time.Until(until), 0)))
	}
	return errors.Join(all...)
}

// outlets end at once, for a process that ends has one time for all of them.
type outlets struct {
	all  []outlet
	log  outlet // the others tell it what has become of them
	tell zerolog.Logger
}

// close ends them within outputsFlush, but for the log, which has at least sayFlush. What is lost is counted, and told, as
// nobody can ask for metrics any more.
func (o *outlets) close() {
	until := time.Now().Add(outputsFlush)
	var all sync.WaitGroup
	for _, one := range o.all {
		all.Go(func() {
			if err := one.Close(outputsFlush); err != nil {
				o.tell.Warn().Err(err).Msg("lost at the end")
			}
		})
	}
	all.Wait()
	_ = o.log.Close(max(time.Until(until), sayFlush))
}
