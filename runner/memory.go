package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// memoryKills is the counter of processes in this program's cgroup (version 2 or 1) that the kernel has killed for want of
// memory. Without one nothing is ever known.
type memoryKills struct {
	events string
	seen   int
}

func newMemoryKills() *memoryKills {
	const mount = "/sys/fs/cgroup"
	result := &memoryKills{}
	for _, file := range []string{
		filepath.Join(mount, ownGroup(), "memory.events"),
		filepath.Join(mount, "memory.events"),
		filepath.Join(mount, "memory/memory.oom_control"),
	} {
		if _, err := os.Stat(file); err == nil {
			result.events = file
			break
		}
	}
	result.seen = result.count()
	return result
}

// explain says whether the kernel has ended a command that ended with this code: by SIGKILL, itself or what a shell ran
// for it, since this was last asked.
func (m *memoryKills) explain(code int) bool {
	if code != -int(syscall.SIGKILL) && code != 128+int(syscall.SIGKILL) {
		return false
	}
	before := m.seen
	m.seen = m.count()
	return m.seen > before
}

func (m *memoryKills) count() int {
	text, _ := os.ReadFile(m.events)
	for line := range strings.Lines(string(text)) {
		if number, found := strings.CutPrefix(line, "oom_kill "); found {
			count, _ := strconv.Atoi(strings.TrimSpace(number))
			return count
		}
	}
	return 0
}

// ownGroup is this program's cgroup of version 2, as the container sees it.
func ownGroup() string {
	text, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		if group, found := strings.CutPrefix(line, "0::"); found {
			return strings.TrimSpace(group)
		}
	}
	return ""
}
