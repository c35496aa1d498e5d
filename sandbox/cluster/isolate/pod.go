// Package isolate gives a program namespaces of its own: a network in which it
// may bind what it likes, and a file system with its volumes where it expects
// them. A normal user may make these on most Linux machines; where not, an
// error says so.
//
// The way in and out is this process. A helper (this same binary) enters the
// new namespaces, opens there the sockets that are needed, sends them here,
// lays out the file system and then becomes the program. A socket belongs to
// the network it was opened in, so what is accepted or dialled here happens
// there, and no relay process stays behind.
package isolate

import "errors"

// Verb is the helper's name on the command line.
const Verb = "enter-pod"

// ErrUnsupported is that this machine gives no namespaces.
var ErrUnsupported = errors.New("this machine gives no namespaces to this user")

// Spec is what the helper is told.
type Spec struct {
	Hostname  string
	Root      string   // an empty folder: where the file system is laid out
	Program   string   // on this machine
	Path      string   // where the program shall be in its own file system
	Args      []string // without the program's name
	Env       []string
	Dir       string
	Mounts    []Mount
	Files     map[string]string // small files, by path
	ReadOnly  bool              // the root file system
	Addresses []string          // on its loopback, besides 127.0.0.1
	Listen    []string          // ADDRESS:PORT, to be served from here
}

// Mount binds a folder or file of this machine.
type Mount struct {
	Source, Path string
	ReadOnly     bool
}
