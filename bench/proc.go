package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc: 1/USER_HZ, which is 100 wherever Go runs on Linux.
const tick = 10 * time.Millisecond

// stat returns the fields of /proc/PID/stat from the third on; the second, the command's
// name, may hold spaces.
func stat(pid int) ([]string, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, false // it has ended
	}
	i := bytes.LastIndexByte(text, ')')
	f := strings.Fields(string(text[i+1:]))
	return f, len(f) > 12
}

// tree returns pid and its descendants.
func tree(pid int) []int {
	children := map[int][]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		p, err := strconv.Atoi(filepath.Base(d))
		if err != nil {
			continue
		}
		if f, ok := stat(p); ok {
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], p)
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// cpuTime is what the processes have used, in user and in kernel mode.
func cpuTime(pids []int) time.Duration {
	var ticks int
	for _, p := range pids {
		if f, ok := stat(p); ok {
			user, _ := strconv.Atoi(f[11])
			system, _ := strconv.Atoi(f[12])
			ticks += user + system
		}
	}
	return time.Duration(ticks) * tick
}

// coreBusy is what anybody has used of a core, and what the hypervisor took, since boot.
func coreBusy(core int) time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 9 || f[0] != fmt.Sprintf("cpu%d", core) {
			continue
		}
		total := 0
		for _, i := range []int{1, 2, 3, 6, 7, 8} { // user, nice, system, irq, softirq, steal
			n, _ := strconv.Atoi(f[i])
			total += n
		}
		return time.Duration(total) * tick
	}
	return 0
}

// residentBytes is the resident memory of a process.
func residentBytes(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// proportionalBytes is the resident memory of processes, in which a page that several of them
// share counts once (Pss).
func proportionalBytes(pids []int) (sum int64) {
	for _, p := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		if err != nil {
			sum += residentBytes(p) // of another user: an upper bound
			continue
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
				kib, _ := strconv.ParseInt(f[1], 10, 64)
				sum += kib << 10
			}
		}
	}
	return sum
}
