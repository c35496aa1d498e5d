// Package boot keeps the garbage collector away while packages initialize: what they make
// stays, so there is nothing to collect, and on two cores the attempts take a fifth of the
// time until main. It imports next to nothing, so it is among the first to be initialized.
package boot

import "runtime/debug"

var usual = debug.SetGCPercent(-1)

// Done is for the beginning of main: from here on memory is collected as usual.
func Done() { debug.SetGCPercent(usual) }
