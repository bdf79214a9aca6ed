package importer

import "strings"

// block is a directive of nginx or Caddy: words, and what stands in braces behind them.
type block struct {
	words []word
	body  []block
	file  string // that it was included from; empty: the one around it
}

// word is one word, without its quotes, and the line that it begins in.
type word struct {
	text string
	line int
}

func (b *block) name() string { return b.words[0].text }

func (b *block) args() (out []string) {
	for _, w := range b.words[1:] {
		out = append(out, w.text)
	}
	return out
}

// grammar is what tells nginx's files from Caddy's.
type grammar struct {
	semicolons bool   // end directives; otherwise line breaks do
	quotes     string // that a word may stand in
	escapes    string // what a backslash within quotes stands in front of to be taken off
}

// The grammars.
func nginxGrammar() grammar { return grammar{true, `'"`, `\'"`} }
func caddyGrammar() grammar { return grammar{false, "\"`", `"\`} }

// blocks reads a file. What makes no sense is read as far as it goes.
func (g grammar) blocks(text string) []block {
	p := &blockParser{grammar: g, text: text, line: 1}
	var out []block
	for p.pos < len(p.text) {
		out = append(out, p.list()...)
	}
	return out
}

type blockParser struct {
	grammar
	text      string
	pos, line int
}

// list reads directives up to a brace that closes, or the end.
func (p *blockParser) list() (out []block) {
	var b block
	end := func() {
		if len(b.words) > 0 {
			out = append(out, b)
		}
		b = block{}
	}
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case c == '\n':
			p.pos++
			p.line++
			if !p.semicolons {
				end()
			}
		case c == ' ' || c == '\t' || c == '\r':
			p.pos++
		case c == '#':
			for p.pos < len(p.text) && p.text[p.pos] != '\n' {
				p.pos++
			}
		case c == ';' && p.semicolons:
			p.pos++
			end()
		case c == '{' && p.opens():
			p.pos++
			if len(b.words) == 0 { // Caddy's global options
				b.words = []word{{"", p.line}}
			}
			b.body = p.list()
			end()
		case c == '}':
			p.pos++
			end()
			return out
		default:
			b.words = append(b.words, p.word())
		}
	}
	end()
	return out
}

// opens reports whether a brace opens a block: for Caddy it does at the end of a line, and is part of a
// placeholder elsewhere.
func (p *blockParser) opens() bool {
	rest, _, _ := strings.Cut(p.text[p.pos+1:], "\n")
	return p.semicolons || strings.TrimSpace(rest) == "" || strings.HasPrefix(strings.TrimSpace(rest), "#")
}

func (p *blockParser) word() word {
	w := word{line: p.line}
	if quote := p.text[p.pos]; strings.IndexByte(p.quotes, quote) >= 0 {
		p.pos++
		var b strings.Builder
		for ; p.pos < len(p.text) && p.text[p.pos] != quote; p.pos++ {
			c := p.text[p.pos]
			if c == '\\' && quote != '`' && p.pos+1 < len(p.text) && strings.IndexByte(p.escapes, p.text[p.pos+1]) >= 0 {
				p.pos++
				c = p.text[p.pos]
			}
			if c == '\n' {
				p.line++
			}
			b.WriteByte(c)
		}
		p.pos++
		w.text = b.String()
		return w
	}
	start := p.pos
	for depth := 0; p.pos < len(p.text); p.pos++ {
		c := p.text[p.pos]
		if c == '{' && (!p.semicolons || p.pos > start && (p.text[p.pos-1] == '$' || p.pos+1 < len(p.text) && '0' <= p.text[p.pos+1] && p.text[p.pos+1] <= '9')) {
			depth++ // of a variable, or how often an expression repeats
		} else if c == '}' && depth > 0 {
			depth--
			continue
		}
		if strings.IndexByte(" \t\r\n", c) >= 0 || depth == 0 && p.semicolons && (c == ';' || c == '{' || c == '}') || depth == 0 && c == '}' {
			break
		}
	}
	if p.pos == start {
		p.pos++
	}
	w.text = p.text[start:p.pos]
	return w
}
