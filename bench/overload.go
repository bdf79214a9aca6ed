package main

import (
	"context"
	"fmt"
	"time"
)

// overload is what ordinary requests notice of a flood of attacks.
type overload struct {
	CapacityPerSecond float64 // attacks that are decided, by one that is always busy
	AttackRate        float64 // offered: twice that
	CleanRate         float64 // offered beside it, a tenth of everything
	AttacksBlocked    int
	AttacksShed       int       // answered with 503
	AttacksScreened   int       // of all of them
	MicrosEach        float64   // CPU time of each of them, with what an ordinary request costs in a quiet tier taken off
	CleanShed         int       // as well, in the flood
	Quiet, Flooded    latencies // of the ordinary requests, without and with the flood
	Settled           latencies // of those in the flood, but for its first second
}

// floodConnections is how many attacks may wait for an answer, so that it is the server
// that decides how many get one.
const floodConnections = 1024

// measureOverload offers ordinary requests at a low rate, first alone and then beside twice
// as many attacks as the server can decide, so that nine in ten requests are attacks. The
// two have connections of their own: none waits for another in the loader.
func measureOverload(ctx context.Context, o options, v *server, attacks, clean pool) (f overload, err error) {
	v.settle()
	full, err := closedLoop(ctx, v, attacks, o.Inspected, time.Duration(o.Seconds)*time.Second)
	if err != nil {
		return f, fmt.Errorf("overload: capacity: %w", err)
	}
	f.CapacityPerSecond = round(float64(full.Requests)/(float64(full.Micros)/1e6), 1)
	f.AttackRate = round(2*f.CapacityPerSecond, 1)
	f.CleanRate = round(f.AttackRate/9, 1)
	length := time.Duration(min(max(4*float64(o.Seconds), 1000/f.CleanRate), 15) * float64(time.Second))

	v.settle()
	before := cpuTime(v.pids)
	quiet, err := shoot(ctx, v.addr, clean, openLoopConnections, f.CleanRate, length)
	if err != nil {
		return f, fmt.Errorf("overload: quiet: %w", err)
	}
	f.Quiet = quiet.latencies()
	v.settle()
	before, quietly := cpuTime(v.pids), cpuTime(v.pids)-before
	_, screenedBefore, _ := v.screened()
	var flood shots
	flooded := make(chan error, 1)
	go func() {
		var err error
		flood, err = shoot(ctx, v.addr, attacks, floodConnections, f.AttackRate, length)
		flooded <- err
	}()
	beside, err := shoot(ctx, v.addr, clean, openLoopConnections, f.CleanRate, length)
	if floodErr := <-flooded; err == nil {
		err = floodErr
	}
	if err != nil {
		return f, fmt.Errorf("overload: %w", err)
	}
	v.settle()
	if _, screened, ok := v.screened(); ok {
		f.AttacksScreened = int(screened - screenedBefore)
	}
	f.MicrosEach = round(micros(cpuTime(v.pids)-before-quietly)/float64(len(flood.status)), 1)
	for _, status := range flood.status {
		switch status {
		case 403, 400:
			f.AttacksBlocked++
		case 503:
			f.AttacksShed++
		default:
			return f, fmt.Errorf("overload: an attack was answered with %d", status)
		}
	}
	answered := shots{rate: beside.rate, late: beside.late} // a refusal is quick, but no answer
	first := 0                                              // of those after the first second
	for i, status := range beside.status {
		if float64(i) <= beside.rate {
			first = len(answered.took)
		}
		switch status {
		case 200:
			answered.took = append(answered.took, beside.took[i])
		case 503:
			f.CleanShed++
		default:
			return f, fmt.Errorf("overload: an ordinary request was answered with %d", status)
		}
	}
	f.Flooded = answered.latencies()
	answered.took = answered.took[first:]
	f.Settled = answered.latencies()
	f.Flooded.Refused = f.CleanShed
	say("overload: %.0f attacks/s beside %.0f clean/s: %d blocked, %d shed; clean p99 %.0f µs quiet, %.0f µs flooded, %d shed",
		f.AttackRate, f.CleanRate, f.AttacksBlocked, f.AttacksShed, f.Quiet.P99, f.Flooded.P99, f.CleanShed)
	return f, truncate(v.events)
}
