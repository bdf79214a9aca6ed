package main

import (
	"fmt"
	"slices"
)

// secureSections renders what "bench secure" has measured; nil if there is nothing of it.
func secureSections(dir string) ([]section, error) {
	var r results
	found, err := readRaw(dir, map[string]any{"secure-machine": &r.machine, "secure": &r.throughput})
	if !found || err != nil {
		return nil, err
	}
	return []section{
		{"secure machine", r.machineTable(dir)},
		{"secure", r.secureTable()},
		{"secure adds", r.addsTable()},
	}, nil
}

// secureServers are those that are compared.
var secureServers = []string{"nginx", "wafer off", "wafer block"}

// wayTitles say what a way is.
var wayTitles = []struct{ name, title string }{
	{"h1", "request, HTTP/1.1 in clear text"}, {"h1 tls", "request, HTTP/1.1 by TLS"},
	{"h2", "request, HTTP/2 in clear text"}, {"h2 tls", "request, HTTP/2 by TLS"},
	{"grpc", "call of gRPC in clear text"}, {"grpc tls", "call of gRPC by TLS"},
	{"connection", "connection with one request, in clear text"}, {"handshake", "the same by TLS, X25519"},
	{"handshake hybrid", "the same, X25519MLKEM768 offered"}, {"resumed", "the same, a session that goes on"},
}

func (r results) secureTable() string {
	rows := [][]string{append(append([]string{"CPU µs of a"}, secureServers...), "wafer off / nginx")}
	for _, w := range wayTitles {
		row := []string{w.title}
		for _, s := range secureServers {
			row = append(row, number(r.figure(s, "off", w.name, cpuMicros)))
		}
		row = append(row, number(round(middle(r.ratios("wafer off", "nginx", "off", w.name, cpuMicros)), 2)))
		rows = append(rows, row)
	}
	return table(rows...)
}

// added are what TLS adds, each the difference of two ways.
var added = []struct{ title, by, without string }{
	{"a request, HTTP/1.1", "h1 tls", "h1"}, {"a request, HTTP/2", "h2 tls", "h2"}, {"a call of gRPC", "grpc tls", "grpc"},
	{"a handshake, X25519", "handshake", "connection"}, {"a handshake, X25519MLKEM768 offered", "handshake hybrid", "connection"},
	{"a session that goes on", "resumed", "connection"},
}

// addsTable has differences within each repetition, where both stood next to each other in time.
func (r results) addsTable() string {
	rows := [][]string{{"µs that TLS adds to", "nginx", "Wafer", "ratio (goal: at most 1.50)"}}
	for _, a := range added {
		nginx, wafer := r.differences("nginx", a.by, a.without), r.differences("wafer off", a.by, a.without)
		if len(nginx) == 0 || len(wafer) == 0 {
			continue
		}
		ratio := "too little to be told"
		if slices.Min(nginx) > 0 && middle(wafer) > 0 {
			ratio = "**" + number(round(middle(wafer)/middle(nginx), 2)) + "**"
		}
		rows = append(rows, []string{a.title, spread(nginx), spread(wafer), ratio})
	}
	return table(rows...)
}

func spread(list []float64) string {
	return fmt.Sprintf("%s (%s to %s)", number(round(middle(list), 1)), number(round(slices.Min(list), 1)), number(round(slices.Max(list), 1)))
}

func (r results) differences(server, by, without string) (list []float64) {
	for i := range r.machine.Repetitions {
		in := func(way string) float64 {
			return median(r.throughput, func(t throughput) (float64, bool) {
				return t.CPUMicros, t.Server == server && t.Request == way && t.Repetition == i+1
			})
		}
		if x, y := in(by), in(without); x > 0 && y > 0 {
			list = append(list, x-y)
		}
	}
	return list
}
