package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Colors of a terminal.
const (
	bold   = "1"
	faint  = "2"
	red    = "31;1"
	green  = "32"
	yellow = "33"
)

// paintFor returns what paints text for an output: nothing does unless it is a terminal that people look
// at, and they have not asked for none (https://no-color.org).
func paintFor(w io.Writer) func(color, text string) string {
	if !colored(w) {
		return func(_, text string) string { return text }
	}
	return func(color, text string) string { return "\x1b[" + color + "m" + text + "\x1b[0m" }
}

func colored(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// verdictColor makes those stand out that kept a request from the application, or would have.
func verdictColor(verdict string) string {
	switch verdict {
	case "pass":
		return green
	case "would_block", "refused", "error_allow":
		return yellow
	}
	return red
}

// progress tells on a terminal what takes seconds.
type progress struct{ w io.Writer }

func newProgress(w io.Writer) progress {
	if !isTerminal(w) {
		return progress{io.Discard}
	}
	return progress{w}
}

// compiling tells which of how many policies is being compiled. The line is written over by the next one.
func (p progress) compiling(policy string, i, n int) {
	if i == n {
		p.done()
		return
	}
	fmt.Fprintf(p.w, "\r\x1b[Kcompiling policy %s, %d of %d …", policy, i+1, n)
}

// done takes the line away.
func (p progress) done() { fmt.Fprint(p.w, "\r\x1b[K") }

// words defines a flag whose value is one of a few words, the first of which is the default.
func words(c *cobra.Command, name, short string, value *string, usage string, choices ...string) {
	*value = choices[0]
	c.Flags().VarP(&word{value, choices}, name, short, usage)
	complete(c, name, choices...)
}

// word is a flag of words.
type word struct {
	value   *string
	choices []string
}

func (w *word) String() string { return *w.value }
func (w *word) Type() string   { return "word" }
func (w *word) Set(text string) error {
	for _, choice := range w.choices {
		if text == choice {
			*w.value = text
			return nil
		}
	}
	return fmt.Errorf("write one of %v", w.choices)
}

// complete has a shell complete the values of a flag.
func complete(c *cobra.Command, flag string, choices ...string) {
	err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic("BUG: " + err.Error())
	}
}

// routeFiles has a shell complete the first argument, a route file.
func routeFiles(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}
