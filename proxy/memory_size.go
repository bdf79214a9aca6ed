package proxy

import (
	"bytes"
	"math"
	"os"
	"path"
	"runtime/debug"
	gometrics "runtime/metrics"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/config"
)

const (
	// memoryShare of what is left beside what the process holds at rest is for bodies. The other half is
	// for connections, responses on their way, garbage that is not collected yet, and a second
	// configuration while one replaces the other.
	memoryShare = 2
	leastMemory = int64(8 * config.MiB)
	// Where nothing limits the process, it takes an eighth of the machine at most, and no more than this.
	mostUnasked = int64(config.GiB)
)

// setMemory sizes the memory for bodies, once the first configuration is there.
func (p *Proxy) setMemory() {
	budget, limit, from, rest := int64(p.boot.Limits.Memory), int64(0), "limits.memory", int64(0)
	if budget == 0 {
		if limit, from = memoryLimit(debug.SetMemoryLimit(-1), os.ReadFile); from == "cgroup" {
			debug.SetMemoryLimit(limit / 10 * 9) // the collector does its best before the kernel kills
		}
		rest = atRest() + int64(p.boot.Fills())
		budget = bodyMemory(limit, rest)
		if rest > limit {
			p.log.Warn().Int64("limit", limit).Int64("at_rest", rest).Msg("queues of sinks, records and traces may take more memory than the process has")
		}
	}
	p.memory.set(budget)
	p.log.Info().Int64("memory", budget).Str("from", from).Int64("limit", limit).Int64("at_rest", rest).Msg("memory for bodies under inspection")
	p.reserveMemory(p.snapshots.InForce().Config)
}

// reserveMemory keeps room for one upload of the size that policies inspect at most.
func (p *Proxy) reserveMemory(c *config.Routes) {
	most := int64(0)
	for _, policy := range c.Policies {
		// A buffer that grows for the last time is there twice, the second time at half its size.
		need := int64(policy.RequestBody.Limit) * 3 / 2
		if most = max(most, need); need > p.memory.uploads.whole() {
			p.log.Warn().Str("policy", policy.ID).Int64("limit", int64(policy.RequestBody.Limit)).
				Msg("no memory for a request body of the size that the policy inspects: it will get 503")
		}
	}
	p.memory.uploads.reserve(most)
}

// bodyMemory is the part for bodies of what a process may have.
func bodyMemory(limit, rest int64) int64 { return max((limit-rest)/memoryShare, leastMemory) }

// memoryLimit is what the process may have, and who says so: the least of GOMEMLIMIT and the limits
// of its control groups, or a share of the machine.
func memoryLimit(goLimit int64, read func(string) ([]byte, error)) (limit int64, from string) {
	limit, from = math.MaxInt64, "machine"
	if goLimit < limit {
		limit, from = goLimit, "GOMEMLIMIT"
	}
	for _, file := range groupFiles(read) {
		text, err := read(file)
		if err != nil {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" is none
		if err == nil && n > 0 && n < limit && n < unlimited {
			limit, from = n, "cgroup"
		}
	}
	if from == "machine" {
		limit = min(machineMemory(read)/8, mostUnasked)
	}
	return limit, from
}

// unlimited is more than any machine has: version 1 says nearly 2^63 when there is no limit.
const unlimited = 1 << 50

// groupFiles are where limits of the process may stand: in its group and in those around it, or, in a
// container, at the root of what it sees.
func groupFiles(read func(string) ([]byte, error)) (files []string) {
	groups, _ := read("/proc/self/cgroup") // without it there is the root
	add := func(root, group, name string) {
		for ; ; group = path.Dir(group) {
			files = append(files, path.Join(root, group, name))
			if group == "/" || group == "." {
				return
			}
		}
	}
	add("/sys/fs/cgroup", "/", "memory.max")
	add("/sys/fs/cgroup/memory", "/", "memory.limit_in_bytes")
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(fields) != 3 || !strings.HasPrefix(fields[2], "/"):
		case fields[1] == "":
			add("/sys/fs/cgroup", fields[2], "memory.max")
		case fields[1] == "memory":
			add("/sys/fs/cgroup/memory", fields[2], "memory.limit_in_bytes")
		}
	}
	return files
}

// machineMemory is the memory of the machine.
func machineMemory(read func(string) ([]byte, error)) int64 {
	info, _ := read("/proc/meminfo")
	for line := range bytes.Lines(info) {
		if kib, ok := bytes.CutPrefix(line, []byte("MemTotal:")); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(string(kib)), "kB")), 10, 64)
			return n << 10
		}
	}
	return 8 * mostUnasked // not Linux
}

// atRest is what the process holds for good: what the collector found alive last, which is most of
// it while policies are compiled, and what is no heap.
func atRest() int64 {
	samples := []gometrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"}, {Name: "/gc/heap/live:bytes"},
	}
	gometrics.Read(samples)
	value := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	objects := value(1)
	if live := value(5); live > 0 {
		objects = min(objects, live+live/8)
	}
	return value(0) - value(1) - value(2) - value(3) - value(4) + objects
}
