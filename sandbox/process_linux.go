package sandbox

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// marked lists the processes of a run, without this one.
func marked(run string) []int {
	if run == "" {
		return nil
	}
	var pids []int
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && pid != os.Getpid() && isMarked(pid, run) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isMarked reads the environment that a process was started with; of other users'
// processes, and of those that have ended, there is none to read.
func isMarked(pid int, run string) bool {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return false
	}
	want := []byte(RunVariable + "=" + run)
	for kv := range bytes.SplitSeq(data, []byte{0}) {
		if bytes.Equal(kv, want) {
			return true
		}
	}
	return false
}

// end kills a process of a run. The handle is opened before the mark is read, so a
// number that another process was given meanwhile is not hit.
func end(pid int, run string) {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(handle)
	if isMarked(pid, run) {
		_ = unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0)
	}
}
