package view

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

// texts are what clients send to those who open an export in a spreadsheet.
var texts = []string{
	"=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\n\n-1", " =1", "\u00a0=1", "\u200b=1", "\ufeff=1",
	"＝1", "＋1", "－1", "＠SUM(1)", "a;=1", "a; @x", `";=1;"`, `",=1,"`, `"` + "\n=1", "a\t=1", "a|+1", "a\r\n-1", `""`, `a"b`, "a;;＝1", "a, -like",
	"\x1b[2J=1", "a\x1b]0;title\a", "a\u009b31m", "a\u202eb", "\x7f-1", "plain", "a=b-c+d@e", "Mozilla/5.0 (X11; Linux x86_64; rv:1) a-b/1", "",
}

// TestFormulas has spreadsheets split rows where they do, by quotes or not: no cell begins a formula, none is lost, and none drives a
// terminal.
func TestFormulas(t *testing.T) {
	for _, text := range texts {
		for _, as := range []func(value string) *Event{
			func(value string) *Event {
				event, _ := json.Marshal(map[string]string{"user_agent": value, "event": "access"})
				return &Event{Event: event}
			},
			func(value string) *Event { return &Event{Pod: value, Event: json.RawMessage(`{"user_agent":"x"}`)} },
		} {
			var out bytes.Buffer
			table := NewCSV(&out)
			if err := table.Write(as(text)); err != nil {
				t.Fatal(err)
			}
			if err := table.Flush(); err != nil {
				t.Fatal(err)
			}
			_, row, _ := strings.Cut(out.String(), "\n")
			for _, separators := range []string{",", ";", "\t", "|", ",;|\t\r\n"} {
				for _, cell := range strings.FieldsFunc(row, func(c rune) bool { return strings.ContainsRune(separators+"\r\n", c) }) {
					cell = strings.TrimLeft(cell, "\" \u00a0\u200b\ufeff")
					if cell != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(cell)[0]) {
						t.Errorf("%q: a cell between any of %q begins with %q", text, separators, cell)
					}
				}
			}
			if i := strings.IndexFunc(out.String(), func(c rune) bool { return c != '\n' && !unicode.IsGraphic(c) }); i >= 0 || strings.Count(out.String(), "\n") != 2 {
				t.Errorf("%q is written as %q", text, out.String())
			}
			rows, err := csv.NewReader(&out).ReadAll()
			if err != nil || len(rows) != 2 || len(rows[1]) != len(rows[0]) {
				t.Fatalf("%q: %v, %q", text, err, rows)
			}
			if got := strings.ReplaceAll(strings.Join(rows[1], ""), "'", ""); !strings.Contains(got, graphic(strings.ReplaceAll(text, "'", ""))) {
				t.Errorf("%q became %q", text, got)
			}
		}
	}
}

// TestCellsStandInQuotes has programs read what was there.
func TestCellsStandInQuotes(t *testing.T) {
	for text, want := range map[string]string{`a"b,c`: `a"b,c`, "a=b-c": "a=b-c", "": "", "=1": "'=1", "1;=2": "1;'=2"} {
		var out bytes.Buffer
		table := NewCSV(&out)
		_ = table.Write(&Event{Pod: text, Event: json.RawMessage(`{}`)})
		if err := table.Flush(); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
			if cells := strings.Split(line, `","`); len(cells) != len(table.columns) || line[0] != '"' || line[len(line)-1] != '"' {
				t.Errorf("not all cells of %s stand in quotes", line)
			}
		}
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil || rows[1][1] != want {
			t.Errorf("%q: %q, %v", text, rows, err)
		}
	}
}
