// What asks the tier every question of h2spec. A module of its own, so that the product's go.mod lists
// what ships.
module github.com/wafer-waf/wafer/test/h2spec

go 1.26.0

require (
	github.com/summerwind/h2spec v2.2.1+incompatible
	github.com/wafer-waf/wafer v0.0.0
)

require (
	github.com/fatih/color v1.19.0 // indirect
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.44.0 // indirect
)

replace github.com/wafer-waf/wafer => ../..
