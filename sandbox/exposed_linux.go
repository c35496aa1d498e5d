package sandbox

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// exposed lists what the sandbox's processes have open to other machines: sockets that
// listen on more than loopback, in the network that this process is in. It looks at
// what is, not at what was meant to be.
func exposed() []string {
	out := []string{}
	open := listening()
	if len(open) == 0 {
		return out
	}
	me := session(os.Getpid())
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range all {
		pid, err := strconv.Atoi(filepath.Base(proc))
		if err != nil || session(pid) != me {
			continue
		}
		files, _ := filepath.Glob(proc + "/fd/*")
		for _, f := range files {
			link, _ := os.Readlink(f)
			inode := strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]")
			if address, ok := open[inode]; ok {
				name, _ := os.ReadFile(proc + "/comm")
				out = append(out, fmt.Sprintf("%s (%s, process %d)", address, strings.TrimSpace(string(name)), pid))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// listening are the addresses beyond loopback that anyone listens on, by inode.
func listening() map[string]string {
	out := map[string]string{}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 10 || fields[3] != "0A" { // listening
				continue
			}
			if ip, port, ok := address(fields[1]); ok && !ip.IsLoopback() {
				out[fields[9]] = net.JoinHostPort(ip.String(), strconv.Itoa(port))
			}
		}
		f.Close()
	}
	return out
}

// address reads "0100007F:1F90": words of four bytes, each in the machine's order.
func address(text string) (net.IP, int, bool) {
	host, port, _ := strings.Cut(text, ":")
	ip, err := hex.DecodeString(host)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(ip)%4 != 0 {
		return nil, 0, false
	}
	for i := 0; i < len(ip); i += 4 {
		slices.Reverse(ip[i : i+4]) // little-endian, as all that Go and Kubernetes run on here
	}
	return ip, int(n), true
}
