module github.com/wafer-waf/wafer/bench

go 1.26.0

require github.com/valyala/fasthttp v1.77.0
