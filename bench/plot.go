package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// series is one server's values, one for each group of a chart. 0: not measured.
type series struct {
	name   string
	values []float64
}

// chart is a bar chart with a logarithmic axis: groups of bars below each other, one bar for
// each series.
type chart struct {
	title, unit string
	groups      []string
	series      []series
}

// palette tells servers apart: grey without inspection, warm for those that look at every
// rule, blue for Wafer.
var palette = map[string]string{
	"nginx, no inspection": "#9aa0a6", "fasthttp, no inspection": "#bdc1c6", "Wafer, no inspection": "#80868b",
	"nginx + libmodsecurity3": "#e8710a", "Apache + ModSecurity 2": "#f9ab00", "net/http + Coraza": "#d93025",
	"Wafer, screen off": "#8ab4f8", "Wafer": "#1a73e8",
}

const (
	plotWidth  = 860
	plotLeft   = 130
	plotRight  = 70
	barHeight  = 11
	groupSpace = 14
)

// svg draws the chart. Text is in the reader's own font.
func (c chart) svg() string {
	low, high := c.decades()
	rows := float64(len(c.groups)) * (float64(len(c.series))*barHeight + groupSpace)
	top := 50 + 18*float64((len(c.series)+2)/3)
	height := top + rows + 40
	x := func(v float64) float64 {
		return plotLeft + (math.Log10(v)-low)/(high-low)*(plotWidth-plotLeft-plotRight)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" font-family="system-ui, sans-serif" font-size="11" role="img">`+"\n", plotWidth, height)
	fmt.Fprintf(&b, `<title>%s</title>`+"\n"+`<rect width="100%%" height="100%%" fill="#fff"/>`+"\n", html.EscapeString(c.title))
	fmt.Fprintf(&b, `<text x="12" y="24" font-size="15" font-weight="600">%s</text>`+"\n", html.EscapeString(c.title))
	for i, s := range c.series {
		lx, ly := 12+float64(i%3)*270, 46+18*float64(i/3)
		fmt.Fprintf(&b, `<rect x="%.0f" y="%.0f" width="12" height="10" fill="%s"/><text x="%.0f" y="%.0f">%s</text>`+"\n", lx, ly-9, palette[s.name], lx+18, ly, html.EscapeString(s.name))
	}
	for d := low; d <= high; d++ {
		at := x(math.Pow(10, d))
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%.0f" x2="%.1f" y2="%.0f" stroke="#dadce0"/><text x="%.1f" y="%.0f" text-anchor="middle" fill="#5f6368">%s</text>`+"\n",
			at, top, at, top+rows, at, top+rows+18, number(math.Pow(10, d))+" "+c.unit)
	}
	y := top + groupSpace/2
	for i, group := range c.groups {
		middle := y + float64(len(c.series))*barHeight/2 + 4
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end" font-weight="600">%s</text>`+"\n", plotLeft-10, middle, html.EscapeString(group))
		for _, s := range c.series {
			if v := s.values[i]; v > 0 {
				fmt.Fprintf(&b, `<rect x="%d" y="%.1f" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%.1f" font-size="9" fill="#3c4043">%s</text>`+"\n",
					plotLeft, y, max(1, x(v)-plotLeft), barHeight-1, palette[s.name], x(v)+4, y+barHeight-3, number(v))
			}
			y += barHeight
		}
		y += groupSpace
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// decades are the powers of ten that the axis goes from and to.
func (c chart) decades() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range c.series {
		for _, v := range s.values {
			if v > 0 {
				low, high = min(low, math.Floor(math.Log10(v))), max(high, math.Ceil(math.Log10(v)))
			}
		}
	}
	if low > high {
		return 0, 1
	}
	return low, max(high, low+1)
}
