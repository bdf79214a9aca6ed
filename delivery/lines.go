package delivery

import "time"

// Severity is how much a line matters, as syslog counts.
type Severity uint8

// The severities that lines have.
const (
	Warning     Severity = 4
	Notice      Severity = 5
	Information Severity = 6
)

// Kind is what receivers are told of what a line is about.
type Kind struct {
	Name     string // security
	Severity Severity
}

// Line is one JSON object. Its text, without a newline, lives as long as anybody has the line.
type Line struct {
	Text []byte
	At   time.Time // when the queue was given it
	Kind *Kind
}

const (
	lineBytes  = 64 // that a line takes beside its text
	arenaBytes = 64 << 10
)

// Lines is a queue of lines.
type Lines struct {
	queue *Queue[Line]
	arena []byte // where texts are copied to, under the queue's lock; the collector frees it when its last line is gone
}

// NewLines starts a queue of lines.
func NewLines(c Carrier[Line], r Reporter, o Options) *Lines {
	return &Lines{queue: New(c, r, o)}
}

// Send gives a line to the queue, which copies it. It never waits.
func (l *Lines) Send(k *Kind, line []byte) {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	l.queue.add(int64(len(line))+lineBytes, func() Line {
		if cap(l.arena)-len(l.arena) < len(line) {
			l.arena = make([]byte, 0, max(arenaBytes, len(line)))
		}
		start := len(l.arena)
		l.arena = append(l.arena, line...)
		return Line{l.arena[start:len(l.arena):len(l.arena)], time.Now(), k}
	})
}

// Waiting is that of the queue.
func (l *Lines) Waiting() int64 { return l.queue.Waiting() }

// Close is that of the queue.
func (l *Lines) Close(timeout time.Duration) error { return l.queue.Close(timeout) }
