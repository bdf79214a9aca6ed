// What only the tests on a cluster need. A module of its own, so that the product's go.mod lists
// what ships.
module github.com/wafer-waf/wafer/test/cluster

go 1.26.0

require github.com/wafer-waf/wafer v0.0.0

replace github.com/wafer-waf/wafer => ../..
