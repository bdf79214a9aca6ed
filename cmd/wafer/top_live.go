package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

// What a terminal is told: to show a second screen without a cursor, and to go back to the first.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	toTop       = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// live draws pictures on a terminal until somebody ends it. However it ends, the terminal is what it was.
func (t *topping) live(ctx context.Context, l looker, frame *topFrame, out terminal) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer stop()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)

	keys := make(chan byte)
	if in := int(os.Stdin.Fd()); term.IsTerminal(in) {
		before, err := term.MakeRaw(in)
		if err != nil {
			return fmt.Errorf("take over the terminal: %w", err)
		}
		defer term.Restore(in, before) //nolint:errcheck // there is nothing left to try
		go readKeys(ctx, os.Stdin, keys)
	}
	fmt.Fprint(out, enterScreen)
	defer fmt.Fprint(out, leaveScreen)

	s := &screen{out: out, every: t.every}
	looks := make(chan look)
	go s.looks(ctx, l, looks)
	for s.frame = frame; ; {
		if err := s.draw(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-resized:
		case key := <-keys:
			switch key {
			case 'q', 'Q', 3, 4: // Ctrl-C and Ctrl-D, which are no signals now
				return nil
			case 'p', 'P', ' ':
				s.held = !s.held
			}
		case got := <-looks:
			if s.err = got.err; got.frame != nil && (!s.held || s.frame == nil) {
				s.frame = got.frame
			}
		}
	}
}

func readKeys(ctx context.Context, in io.Reader, keys chan<- byte) {
	r := bufio.NewReader(in)
	for {
		key, err := r.ReadByte()
		if err != nil {
			key = 'q' // nobody is there any more
		}
		select {
		case keys <- key:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// terminal is one that can be drawn on.
type terminal interface {
	io.Writer
	descriptor
}

// screen is what a terminal shows.
type screen struct {
	out   terminal
	every time.Duration
	frame *topFrame // nil: none yet
	err   error     // of the last look
	held  bool
}

type look struct {
	frame *topFrame
	err   error
}

// looks looks again and again. A look that takes longer than the time between two delays the next one.
func (s *screen) looks(ctx context.Context, l looker, into chan<- look) {
	for wait := min(s.every, time.Second); pause(ctx, wait) == nil; wait = s.every {
		frame, err := l.look(ctx)
		select {
		case into <- look{frame, err}:
		case <-ctx.Done():
			return
		}
	}
}

func (s *screen) draw() error {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil {
		width, height = 80, 24
	}
	p := &picture{width: width, height: height - 1, paint: paintFor(s.out)}
	if s.err != nil {
		p.line(red, "%s", strings.ReplaceAll(s.err.Error(), "\n", " "))
	}
	if s.frame == nil {
		p.line("", "looking …")
	} else {
		p.draw(s.frame)
	}
	hint := "q ends, p holds"
	if s.held {
		hint = "held: p goes on, q ends"
	}
	var b strings.Builder
	b.WriteString(toTop)
	for i, line := range p.lines {
		if i < height-1 {
			b.WriteString(line + clearLine + "\r\n")
		}
	}
	b.WriteString(p.paint(faint, shorten(hint, max(width, 1))) + clearBelow)
	_, err = io.WriteString(s.out, b.String())
	return err
}
