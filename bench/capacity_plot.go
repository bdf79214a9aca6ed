package main

import (
	"fmt"
	"math"
	"strings"
)

// The plot: two panels side by side, one for memory and one for CPU.
const (
	panelWidth, panelHeight = 330.0, 220.0
	marginLeft, marginTop   = 60.0, 56.0
	mostServices            = 50
)

// line is one line of a panel.
type line struct {
	name, color string
	dashed      bool
	at          func(services int) float64
}

// plot draws what is reserved and what is used over the number of services.
func (c *capacity) plot() string {
	const tierColor, sidecarColor = "#0a6e5c", "#b3541e"
	gib := func(f func(fleet) float64, of func(int) fleet) func(int) float64 {
		return func(n int) float64 { return f(of(n)) / (1 << 30) }
	}
	memoryReserved, memoryUsed := func(f fleet) float64 { return f.memoryReserved }, func(f fleet) float64 { return f.memoryUsed }
	cores := func(reserved bool, of func(int) fleet) func(int) float64 {
		return func(n int) float64 {
			f := of(n)
			if reserved {
				return f.coresReserved
			}
			return f.coresUsed
		}
	}
	var b strings.Builder
	width, height := 2*(panelWidth+marginLeft)+30, panelHeight+marginTop+70
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="system-ui, sans-serif" font-size="12" role="img">
<title>Memory and CPU of the tier and of sidecars for 1 to %d services</title>
<rect width="100%%" height="100%%" fill="white"/>
`, width, height, mostServices)
	panel(&b, marginLeft, "memory, GiB", []line{
		{"sidecars, reserved", sidecarColor, true, gib(memoryReserved, c.sidecars)}, {"sidecars, used", sidecarColor, false, gib(memoryUsed, c.sidecars)},
		{"tier, reserved", tierColor, true, gib(memoryReserved, c.tier)}, {"tier, used", tierColor, false, gib(memoryUsed, c.tier)},
	})
	panel(&b, 2*marginLeft+panelWidth+15, "CPU, cores", []line{
		{"sidecars, reserved", sidecarColor, true, cores(true, c.sidecars)}, {"sidecars, used", sidecarColor, false, cores(false, c.sidecars)},
		{"tier, reserved", tierColor, true, cores(true, c.tier)}, {"tier, used", tierColor, false, cores(false, c.tier)},
	})
	x := marginLeft
	for _, l := range []line{{name: "sidecars, reserved", color: sidecarColor, dashed: true}, {name: "sidecars, used", color: sidecarColor}, {name: "tier, reserved", color: tierColor, dashed: true}, {name: "tier, used", color: tierColor}} {
		y := marginTop + panelHeight + 52
		fmt.Fprintf(&b, `<line x1="%.0f" y1="%.0f" x2="%.0f" y2="%.0f" %s/><text x="%.0f" y="%.0f">%s</text>`+"\n", x, y-4, x+26, y-4, stroke(l), x+32, y, l.name)
		x += 170
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func stroke(l line) string {
	s := `fill="none" stroke-width="2" stroke="` + l.color + `"`
	if l.dashed {
		s += ` stroke-dasharray="6 4"`
	}
	return s
}

// panel draws axes and lines with its left edge at x.
func panel(b *strings.Builder, x float64, title string, lines []line) {
	most := 0.0
	for _, l := range lines {
		for n := 1; n <= mostServices; n++ {
			most = max(most, l.at(n))
		}
	}
	step := niceStep(most / 4)
	most = math.Ceil(most/step) * step
	bottom := marginTop + panelHeight
	px := func(n int) float64 { return x + panelWidth*float64(n)/mostServices }
	py := func(v float64) float64 { return bottom - panelHeight*v/most }
	fmt.Fprintf(b, `<text x="%.0f" y="%.0f" font-size="14" font-weight="600">%s</text>`+"\n", x, marginTop-22, title)
	for i := 0; float64(i)*step <= most+step/2; i++ {
		v := float64(i) * step
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end" fill="#444">%s</text>`+"\n",
			x, py(v), x+panelWidth, py(v), x-6, py(v)+4, number(round(v, 2)))
	}
	for n := 0; n <= mostServices; n += 10 {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="#444">%d</text>`+"\n", px(n), bottom+18, n)
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="#444">services</text>`+"\n", x+panelWidth/2, bottom+34)
	for _, l := range lines {
		var points []string
		for n := 1; n <= mostServices; n++ {
			points = append(points, fmt.Sprintf("%.1f,%.1f", px(n), py(l.at(n))))
		}
		fmt.Fprintf(b, `<polyline points="%s" %s><title>%s</title></polyline>`+"\n", strings.Join(points, " "), stroke(l), l.name)
	}
}

// niceStep is the next of 1, 2 and 5 times a power of ten.
func niceStep(x float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 5} {
		if f*p >= x {
			return f * p
		}
	}
	return 10 * p
}
