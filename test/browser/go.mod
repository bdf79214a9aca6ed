// What only the tests with a browser need. A module of its own, so that the product's go.mod lists what ships.
module github.com/wafer-waf/wafer/test/browser

go 1.26.0

require (
	github.com/chromedp/cdproto v0.160.1
	github.com/chromedp/chromedp v0.23.1
	github.com/wafer-waf/wafer v0.0.0
)

require github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect

replace github.com/wafer-waf/wafer => ../..
