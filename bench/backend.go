package main

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// serveBackend is the application behind every proxy: a page of about 1 KB, or a short
// JSON document below /api, and below /status the status that the path says. It is as cheap as can be, so that the proxies are what is
// measured.
func serveBackend(listen string) error {
	page := []byte("<!doctype html><html lang=\"en\"><head><title>Shop</title></head><body><h1>Shoes</h1><ul>\n" +
		strings.Repeat("<li class=\"item\">A comfortable shoe, in stock</li>\n", 18) + "</ul></body></html>\n")
	document := []byte(`{"status":"ok","order":{"id":48213,"state":"accepted","items":3},"message":"thank you"}`)
	s := &fasthttp.Server{Name: "backend", Handler: func(ctx *fasthttp.RequestCtx) {
		if bytes.HasPrefix(ctx.RequestURI(), []byte("/api")) {
			ctx.SetContentType("application/json")
			ctx.SetBody(document)
			return
		}
		if text, ok := bytes.CutPrefix(ctx.RequestURI(), []byte("/status/")); ok {
			if status, err := strconv.Atoi(string(text)); err == nil {
				ctx.SetStatusCode(status)
				return
			}
		}
		ctx.SetContentType("text/html; charset=utf-8")
		ctx.SetBody(page)
	}}
	return s.ListenAndServe(listen)
}

// serveBare is the least a proxy on fasthttp can do: the floor that Wafer, which is built
// on fasthttp too, could reach.
func serveBare(listen, to string) error {
	client := &fasthttp.HostClient{
		Addr: to, MaxConns: 512, MaxIdleConnDuration: time.Minute,
		NoDefaultUserAgentHeader: true, DisablePathNormalizing: true,
	}
	s := &fasthttp.Server{
		NoDefaultServerHeader: true, NoDefaultDate: true, NoDefaultContentType: true,
		Handler: func(ctx *fasthttp.RequestCtx) {
			ctx.Request.Header.Del("Connection")
			ctx.Request.Header.Set("X-Forwarded-For", ctx.RemoteIP().String())
			ctx.Request.Header.Set("X-Forwarded-Proto", "http")
			if err := client.Do(&ctx.Request, &ctx.Response); err != nil {
				ctx.Error("bad gateway", fasthttp.StatusBadGateway)
				return
			}
			ctx.Response.Header.Del("Connection")
		},
	}
	return s.ListenAndServe(listen)
}
