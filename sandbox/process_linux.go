package sandbox

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// leftovers lists the processes that a run of the sandbox in this folder started and
// that are still there.
func (p place) leftovers(st Status) []int {
	var pids []int
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && pid != os.Getpid() && p.started(pid, st) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// started says that a process is of a run. Two things must agree: it is in the session
// that the run's process opened (a number that is not given away again while anyone is
// in it), and it carries the run's mark or works in the sandbox's folder.
func (p place) started(pid int, st Status) bool {
	if st.PID == 0 || session(pid) != st.PID {
		return false
	}
	proc := "/proc/" + strconv.Itoa(pid)
	if cwd, err := os.Readlink(proc + "/cwd"); err == nil && p.holds(cwd) {
		return true
	}
	environ, _ := os.ReadFile(proc + "/environ") // of one that has ended there is none
	mark := []byte(RunVariable + "=" + st.Run)
	for kv := range bytes.SplitSeq(environ, []byte{0}) {
		if st.Run != "" && bytes.Equal(kv, mark) {
			return true
		}
	}
	args, _ := os.ReadFile(proc + "/cmdline")
	for arg := range bytes.SplitSeq(args, []byte{0}) {
		if p.holds(string(arg)) {
			return true
		}
	}
	return false
}

func (p place) holds(path string) bool {
	return path == p.dir || strings.HasPrefix(path, p.dir+string(filepath.Separator))
}

// session is the session of a process; 0 if it has ended.
func session(pid int) int {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// "PID (name) state ppid pgrp session …"; the name may hold anything.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 4 || fields[0] == "Z" {
		return 0
	}
	sid, _ := strconv.Atoi(fields[3])
	return sid
}

// end kills a process of a run. The handle is opened before the process is looked at,
// so one that got its number meanwhile is not hit.
func (p place) end(pid int, st Status) {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(handle)
	if p.started(pid, st) {
		_ = unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0)
	}
}

// watch takes hold of a process; what it returns waits until that one has ended.
func (p place) watch(pid int) func(context.Context) error {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil { // it has ended already
		return func(context.Context) error { return nil }
	}
	return func(ctx context.Context) error {
		defer unix.Close(handle)
		for {
			fds := []unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}
			n, err := unix.Poll(fds, int(watchEvery/time.Millisecond))
			switch {
			case n > 0:
				return nil
			case err != nil && err != unix.EINTR: //nolint:errorlint // a bare number
				return err
			case ctx.Err() != nil:
				return ctx.Err()
			}
		}
	}
}

// watchEvery is how often a wait looks whether it is still wanted.
const watchEvery = 100 * time.Millisecond
