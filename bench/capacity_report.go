package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// What the comparison of the tier with sidecars assumes. The reservations are those of manifests.
const (
	replicasOfService = 2    // pods of each application
	rateOfService     = 50.0 // requests per second to each application, of the mix
	targetOfHPA       = 0.7
	tierCores         = 0.3
	tierBytes         = 256 << 20
	sidecarCores      = 0.1
	sidecarBytes      = 192 << 20
	fewestPods        = 2
)

// fleet is what protecting so many services takes.
type fleet struct {
	services                   int
	pods                       int
	coresReserved, coresUsed   float64
	memoryReserved, memoryUsed float64 // bytes
}

func (c *capacity) cost(request, mode string) float64 {
	for _, x := range c.Costs {
		if x.Request == request && x.Mode == mode {
			return middle(x.Millis)
		}
	}
	return math.NaN()
}

// bytes is the memory of a process with n policies under load: on the line through the nearest two
// measurements, which is an extrapolation beyond the last one.
func (c *capacity) bytes(n int) float64 {
	i := 1
	for i < len(c.Sizes)-1 && c.Sizes[i].Policies < n {
		i++
	}
	from, to := c.Sizes[i-1], c.Sizes[i]
	share := float64(n-from.Policies) / float64(to.Policies-from.Policies)
	return float64(from.LoadBytes) + share*float64(to.LoadBytes-from.LoadBytes)
}

// used is the CPU of n services' traffic, which is inspected once wherever that happens, and of
// as many idle processes.
func (c *capacity) used(n, processes int) float64 {
	return float64(n)*rateOfService*c.cost("attacks", "block")/1e6 + float64(processes)*c.IdleCores
}

// sidecars have one policy each and scale with the application.
func (c *capacity) sidecars(n int) fleet {
	pods := n * replicasOfService
	each := max(sidecarCores, rateOfService/replicasOfService*c.cost("attacks", "block")/1e6/targetOfHPA)
	return fleet{
		services: n, pods: pods,
		coresReserved: float64(pods) * each, coresUsed: c.used(n, pods),
		memoryReserved: float64(pods) * max(sidecarBytes, reserve(c.bytes(1))), memoryUsed: float64(pods) * c.bytes(1),
	}
}

// tier has a policy of its own for each service.
func (c *capacity) tier(n int) fleet { return c.tierWith(n, n) }

// shared has one policy for all services.
func (c *capacity) shared(n int) fleet { return c.tierWith(n, 1) }

// tierWith has as many pods as the autoscaler wants.
func (c *capacity) tierWith(n, policies int) fleet {
	work := float64(n) * rateOfService * c.cost("attacks", "block") / 1e6
	pods := max(fewestPods, int(math.Ceil(work/(targetOfHPA*tierCores))))
	return fleet{
		services: n, pods: pods,
		coresReserved: float64(pods) * tierCores, coresUsed: c.used(n, pods),
		memoryReserved: float64(pods) * max(tierBytes, reserve(c.bytes(policies))), memoryUsed: float64(pods) * c.bytes(policies),
	}
}

// reserve is the memory to reserve for a process that uses so much: a quarter more, in steps of
// 32 MiB.
func reserve(bytes float64) float64 {
	const step = 32 << 20
	return math.Ceil(bytes*1.25/step) * step
}

// reportCapacity writes the tables into a document and the plot beside it.
func reportCapacity(dir, doc string) error {
	text, err := os.ReadFile(filepath.Join(dir, "capacity.json"))
	if err != nil {
		return err
	}
	var c capacity
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("%s/capacity.json: %w", dir, err)
	}
	out, err := os.ReadFile(doc)
	if err != nil {
		return err
	}
	changed := string(out)
	for _, t := range []struct{ name, text string }{
		{"capacity machine", c.machineTable(dir)}, {"capacity cost", c.costTable()}, {"capacity size", c.sizeTable()},
		{"capacity saturation", c.saturationTable()}, {"capacity fleet", c.fleetTable()},
	} {
		if changed, err = between(changed, t.name, t.text); err != nil {
			return fmt.Errorf("%s: %w", doc, err)
		}
	}
	plot := strings.TrimSuffix(doc, filepath.Ext(doc)) + ".svg"
	if err := os.WriteFile(plot, []byte(c.plot()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(doc, []byte(changed), 0o644)
}

func (c *capacity) machineTable(dir string) string {
	m := c.Machine
	return table([]string{" ", " "},
		[]string{"date", m.Date}, []string{"processor", fmt.Sprintf("%s, %d processors", m.CPU, m.Cores)},
		[]string{"system", m.System + ", kernel " + m.Kernel}, []string{"versions", strings.Join(m.Versions, "; ")},
		[]string{"measured", fmt.Sprintf("%d times %d s for each figure; %v minutes in all", m.Repetitions, m.Seconds, m.Minutes)},
		[]string{"load average before, after", m.LoadBefore + ", " + m.LoadAfter},
		[]string{"raw data", "`bench/" + strings.TrimPrefix(filepath.ToSlash(filepath.Clean(dir)), "bench/") + "/capacity.json`"})
}

func (c *capacity) costTable() string {
	rows := [][]string{{"traffic", "CPU for 1,000 requests", "requests per second and core"}}
	words := map[string]string{
		"get": "GET", "form": "forms", "json": "JSON", "attack": "attacks, blocked", "attacks": "**mix**: 80 % GET, 10 % forms, 5 % JSON, 5 % attacks",
	}
	for _, x := range c.Costs {
		name := words[x.Request]
		if x.Mode == "off" {
			name = "the mix with `mode: off`"
		}
		ms := middle(x.Millis)
		rows = append(rows, []string{name, number(ms) + " ms", number(1e6 / ms)})
	}
	return table(rows...)
}

func (c *capacity) sizeTable() string {
	rows := [][]string{{"policies", "CPU until ready", "memory at rest", "memory under load"}}
	for _, s := range c.Sizes {
		rows = append(rows, []string{fmt.Sprint(s.Policies), number(s.ReadySeconds) + " s", mebibytes(float64(s.RestBytes)), mebibytes(float64(s.LoadBytes))})
	}
	first, last := c.Sizes[0], c.Sizes[len(c.Sizes)-1]
	each := float64(last.RestBytes-first.RestBytes) / float64(last.Policies-first.Policies)
	return table(rows...) + fmt.Sprintf("\nFrom the first policy to the last, each further one takes %s at rest.\n", mebibytes(each))
}

func (c *capacity) saturationTable() string {
	rows := [][]string{{"connections", "answered per second", "refused with 503 per second", "median", "99 %", "slowest"}}
	ms := func(micros float64) string { return number(round(micros/1e3, 2)) + " ms" }
	for _, s := range c.Saturation {
		rows = append(rows, []string{fmt.Sprint(s.Connections), number(s.PerSecond), number(s.Refused), ms(s.P50), ms(s.P99), ms(s.MaxMicro)})
	}
	return table(rows...)
}

func (c *capacity) fleetTable() string {
	rows := [][]string{{"services", "pods", "CPU reserved", "CPU used", "memory reserved", "memory used"}}
	for _, n := range []int{1, 10, 50} {
		for _, f := range []struct {
			name string
			fleet
		}{{"tier, a policy each", c.tier(n)}, {"tier, one policy", c.shared(n)}, {"sidecars", c.sidecars(n)}} {
			rows = append(rows, []string{
				fmt.Sprintf("%d, %s", n, f.name), fmt.Sprint(f.pods), number(round(f.coresReserved, 2)), number(round(f.coresUsed, 2)),
				mebibytes(round(f.memoryReserved, 0)), mebibytes(round(f.memoryUsed, 0)),
			})
		}
	}
	return table(rows...)
}
