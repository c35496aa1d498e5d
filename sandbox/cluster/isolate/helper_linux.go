package isolate

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The helper's descriptors: it answers on one and reads its Spec from the
// other.
const (
	answerFD = 3
	specFD   = 4
)

// dialers is how many connections into the pod can be open at a time.
const dialers = 64

// Enter is the helper: it does not return unless something is wrong.
func Enter() error {
	runtime.LockOSThread() // what is set below is the thread's
	err := enter()
	_, _ = unix.Write(answerFD, []byte(err.Error()))
	return err
}

func enter() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("tie to the parent: %w", err)
	}
	var s Spec
	spec := os.NewFile(specFD, "spec")
	if err := json.NewDecoder(spec).Decode(&s); err != nil {
		return fmt.Errorf("the parent is gone: %w", err)
	}
	_ = spec.Close()
	if err := network(s.Addresses); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
		return fmt.Errorf("hostname: %w", err)
	}
	sockets, err := open(s.Listen)
	if err != nil {
		return err
	}
	if err := fileSystem(&s); err != nil {
		return fmt.Errorf("file system: %w", err)
	}
	if err := unix.Sendmsg(answerFD, []byte("ok"), unix.UnixRights(sockets...), nil, 0); err != nil {
		return fmt.Errorf("send sockets: %w", err)
	}
	for _, fd := range append(sockets, answerFD) {
		unix.CloseOnExec(fd)
	}
	if err := powerless(); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return fmt.Errorf("become %s: %w", s.Path, unix.Exec(s.Path, append([]string{s.Path}, s.Args...), s.Env))
}

// network brings loopback up with the pod's addresses.
func network(addresses []string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // only asked with
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	for i, a := range addresses {
		ip, err := netip.ParseAddr(a)
		if err != nil {
			return err
		}
		alias, err := unix.NewIfreq(fmt.Sprintf("lo:%d", i+1))
		if err != nil {
			return err
		}
		for _, set := range []struct {
			request uint
			address netip.Addr
		}{{unix.SIOCSIFADDR, ip}, {unix.SIOCSIFNETMASK, netip.AddrFrom4([4]byte{255, 255, 255, 255})}} {
			if err := alias.SetInet4Addr(set.address.AsSlice()); err != nil {
				return err
			}
			if err := unix.IoctlIfreq(fd, set.request, alias); err != nil {
				return fmt.Errorf("address %s: %w", a, err)
			}
		}
	}
	return nil
}

// open makes the listening sockets, then those to dial with.
func open(listen []string) ([]int, error) {
	var out []int
	for _, address := range listen {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil, err
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return nil, err
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
			return nil, fmt.Errorf("bind %s: %w", address, err)
		}
		if err := unix.Listen(fd, 128); err != nil {
			return nil, err
		}
		out = append(out, fd)
	}
	for range dialers {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		out = append(out, fd)
	}
	return out, nil
}

// fileSystem lays out the pod's own and makes it the root.
func fileSystem(s *Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("pod", s.Root, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=64m,mode=0755"); err != nil {
		return fmt.Errorf("tmpfs: %w", err)
	}
	mounts := []Mount{{Source: s.Program, Path: s.Path, ReadOnly: true}}
	for _, device := range []string{"null", "zero", "full", "random", "urandom"} {
		mounts = append(mounts, Mount{Source: "/dev/" + device, Path: "/dev/" + device})
	}
	volumes := append([]Mount{}, s.Mounts...)
	sort.SliceStable(volumes, func(i, j int) bool { return len(volumes[i].Path) < len(volumes[j].Path) })
	for _, m := range append(mounts, volumes...) {
		if err := bind(s.Root, m); err != nil {
			return fmt.Errorf("mount %s: %w", m.Path, err)
		}
	}
	for path, text := range s.Files {
		at := filepath.Join(s.Root, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(s.Root, "proc"), 0o755), os.MkdirAll(filepath.Join(s.Root, s.Dir), 0o755)); err != nil {
		return err
	}
	// Not every machine allows it; a program of ours does without.
	_ = unix.Mount("proc", filepath.Join(s.Root, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	return pivot(s)
}

func pivot(s *Spec) error {
	old := filepath.Join(s.Root, ".old")
	if err := os.Mkdir(old, 0o700); err != nil {
		return err
	}
	if err := unix.PivotRoot(s.Root, old); err != nil {
		return fmt.Errorf("pivot: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Unmount("/.old", unix.MNT_DETACH); err != nil {
		return err
	}
	if err := os.Remove("/.old"); err != nil {
		return err
	}
	if s.ReadOnly {
		if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
			return fmt.Errorf("make the root read only: %w", err)
		}
	}
	return unix.Chdir(s.Dir)
}

// bind mounts one folder or file below the new root.
func bind(root string, m Mount) error {
	info, err := os.Stat(m.Source)
	if err != nil {
		return err
	}
	at := filepath.Join(root, m.Path)
	if info.IsDir() {
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
	} else {
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(at, nil, 0o600); err != nil {
			return err
		}
	}
	if err := unix.Mount(m.Source, at, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	if !m.ReadOnly {
		return nil
	}
	// What the machine's own mount forbids stays forbidden.
	var f unix.Statfs_t
	if err := unix.Statfs(at, &f); err != nil {
		return err
	}
	flags := uintptr(f.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME | unix.MS_RELATIME)
	return unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags, "")
}

// powerless gives up every capability, and the ways to new ones.
func powerless() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, (*unix.CapUserData)(unsafe.Pointer(&none[0])))
}
