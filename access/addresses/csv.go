package addresses

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// csv reads a table, line by line: a quote that is not closed spoils its line and no more.
func (p *parser) csv(text string) error {
	address, named := 0, true
	if n, err := strconv.Atoi(p.Column); err == nil || p.Column == "" {
		address, named = max(n, 1)-1, false
	}
	until, untilNamed := -1, p.Until != ""
	if n, err := strconv.Atoi(p.Until); err == nil {
		until, untilNamed = n-1, false
	}
	first := true
	err := p.lines(text, func(n int, line string) error {
		if line == "" || line[0] == '#' {
			return nil
		}
		cells, err := splitCells(line)
		if err != nil {
			p.outcome.Read++
			p.bad(n, err)
			return nil
		}
		if first {
			first = false
			if named {
				if address, err = column(cells, p.Column); err != nil {
					return err
				}
			}
			if untilNamed {
				if until, err = column(cells, p.Until); err != nil {
					return err
				}
			}
			if named || untilNamed || address < len(cells) && isTitle(cells[address]) {
				return nil
			}
		}
		if address >= len(cells) || until >= len(cells) {
			p.outcome.Read++
			p.bad(n, fmt.Errorf("has only %d columns", len(cells)))
			return nil
		}
		ends := ""
		if until >= 0 {
			ends = cells[until]
		}
		return p.entry(n, cells[address], ends)
	})
	if err == nil && first && (named || untilNamed) {
		return errors.New("no line that names the columns")
	}
	return err
}

// isTitle tells whether a cell is the title of a column of addresses.
func isTitle(cell string) bool {
	_, err := parseEntry(strings.TrimSpace(cell))
	return err != nil && !strings.ContainsAny(cell, ".:/")
}

func column(titles []string, name string) (int, error) {
	i := slices.IndexFunc(titles, func(t string) bool { return strings.EqualFold(strings.TrimSpace(t), name) })
	if i < 0 {
		return 0, fmt.Errorf("no column %s in the first line, %s", quote(name), quote(strings.Join(titles, ",")))
	}
	return i, nil
}

// splitCells splits a line of CSV (RFC 4180). A quote within a cell that does not begin with one is a character.
func splitCells(line string) (cells []string, err error) {
	for {
		rest := strings.TrimLeft(line, " \t")
		if !strings.HasPrefix(rest, `"`) {
			cell, after, more := strings.Cut(line, ",")
			cells = append(cells, cell)
			if !more {
				return cells, nil
			}
			line = after
			continue
		}
		var cell strings.Builder
		rest = rest[1:]
		for {
			i := strings.IndexByte(rest, '"')
			if i < 0 {
				return nil, errors.New("a quote is not closed")
			}
			cell.WriteString(rest[:i])
			rest = rest[i+1:]
			if !strings.HasPrefix(rest, `"`) {
				break
			}
			cell.WriteByte('"')
			rest = rest[1:]
		}
		cells = append(cells, cell.String())
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return cells, nil
		}
		if rest[0] != ',' {
			return nil, errors.New("text behind a quote")
		}
		line = rest[1:]
	}
}
