package config

// fillRoutes sets the defaults of everything but policies. Has tells whether the file
// sets a key path: a zero that stands in the file stays.
func fillRoutes(r *Routes, has func(path string) bool) {
	for i := range r.Routes {
		fillRoute(&r.Routes[i], func(key string) bool {
			return has(indexPath("routes", i) + "." + key)
		})
	}
	for i := range r.Lists {
		fillList(&r.Lists[i], func(key string) bool { return has(indexPath("lists", i) + "." + key) })
	}
	for i := range r.Upstreams {
		fillUpstream(&r.Upstreams[i], func(key string) bool {
			return has(indexPath("upstreams", i) + "." + key)
		})
	}
}

func fillRoute(r *Route, has func(key string) bool) {
	d := DefaultRoute()
	fill(&r.Policy, d.Policy, has("policy"))
	fill(&r.Access, d.Access, has("access"))
	fill(&r.Record, d.Record, has("record"))
	fill(&r.WebSocket, d.WebSocket, has("websocket"))
	fill(&r.PathReadings, d.PathReadings, has("path_readings"))
	fill(&r.Timeouts.Request, d.Timeouts.Request, has("timeouts.request"))
	fill(&r.Timeouts.Idle, d.Timeouts.Idle, has("timeouts.idle"))
	fill(&r.HTTPS, d.HTTPS, has("https"))
	fill(&r.HTTPSPort, d.HTTPSPort, has("https_port"))
	if r.ClientCertificate != nil {
		fill(&r.ClientCertificate.Mode, ClientRequire, has("client_certificate.mode"))
	}
	fill(&r.ForwardClient, d.ForwardClient, has("forward_client_certificate"))
	for i := range r.Upstreams {
		fill(&r.Upstreams[i].Weight, DefaultWeight, has(indexPath("upstreams", i)+".weight"))
	}
	if r.Redirect != nil {
		fill(&r.Redirect.Status, DefaultRedirectStatus, has("redirect.status"))
	}
}

func fillUpstream(u *Upstream, has func(key string) bool) {
	d := DefaultUpstream()
	fill(&u.Protocol, d.Protocol, has("protocol"))
	if t := u.TLS; t != nil {
		fill(&t.Verify, On, has("tls.verify"))
		fill(&t.MinVersion, "tls1.2", has("tls.min_version"))
	}
	fill(&u.Discovery, d.Discovery, has("discovery"))
	fill(&u.Every, d.Every, has("every"))
	fillBalance(u, has)
	fill(&u.Connections, d.Connections, has("connections"))
	fill(&u.Timeouts.Connect, d.Timeouts.Connect, has("timeouts.connect"))
	fill(&u.Timeouts.Response, d.Timeouts.Response, has("timeouts.response"))
	fill(&u.Timeouts.Idle, d.Timeouts.Idle, has("timeouts.idle"))
	if u.Health != nil {
		fillHealthCheck(u.Health, has)
	}
	fillEjection(&u.Ejection, has)
	fillUse(u, has)
}

func fill[T any](value *T, byDefault T, isSet bool) {
	if !isSet {
		*value = byDefault
	}
}
