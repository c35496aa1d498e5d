package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/sandbox/journal"
)

func newSandboxCalls(a *app) *cobra.Command {
	var follow, permissions bool
	cmd := &cobra.Command{
		Use:   "calls",
		Short: "Print every call that the sandbox's Google Cloud got: who, what, on which resource, how it ended",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.sandboxDir()
			if err != nil {
				return err
			}
			if follow && permissions {
				return usagef("--permissions adds up what was called; it does not go with --follow")
			}
			path := filepath.Join(dir, "calls.jsonl")
			if permissions {
				return a.printPermissions(cmd.Context(), dir, path)
			}
			return a.follow(cmd.Context(), path, follow, a.printCalls)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new calls as they come")
	cmd.Flags().BoolVar(&permissions, "permissions", false, "print which permissions each principal used instead, and which it holds but never used")
	return cmd
}

// printCalls prints the calls in lines of the journal. What permissions were looked up for them, of
// their own or of others', stands there as well: --permissions tells of it, and JSON has all.
func (a *app) printCalls(lines []byte) error {
	if a.output == "json" {
		_, err := a.Out.Write(lines)
		return err
	}
	err := journal.Read(strings.NewReader(string(lines)), func(c journal.Call) bool {
		if c.Method != "" {
			fmt.Fprintln(a.Out, callLine(c))
		}
		return true
	})
	return cmp.Or(err, a.lost()) // --follow ends where nothing can be written any more
}

// callLine is a call in columns, as far as its words fit them.
func callLine(c journal.Call) string {
	what := c.Method
	if service, method, ok := strings.Cut(strings.TrimPrefix(what, "/"), "/"); ok && strings.HasPrefix(what, "/google.") {
		what = service[strings.LastIndex(service, ".")+1:] + "/" + method
	}
	where := cmp.Or(c.Resource, c.Host)
	_, who, _ := strings.Cut(c.Principal, ":")
	return strings.TrimRight(fmt.Sprintf("%s %8.1f ms  %-17s %-32s %-48s %s",
		c.Time.Local().Format("15:04:05.000"), c.Millis, c.Code, cmp.Or(who, c.Principal, "-"), what, where), " ")
}

const followEvery = 100 * time.Millisecond

// follow gives a file's whole lines to each, and with on those that are added, also
// to a new file that takes its place, until the context ends.
func (a *app) follow(ctx context.Context, path string, on bool, each func([]byte) error) error {
	var f *os.File
	defer func() {
		if f != nil {
			f.Close()
		}
	}()
	var rest []byte
	for {
		if f == nil {
			opened, err := os.Open(path)
			if err != nil && (!errors.Is(err, fs.ErrNotExist) || !on) {
				if errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				return err
			}
			f = opened
		}
		if f != nil {
			data, err := io.ReadAll(f)
			if err != nil {
				return err
			}
			rest = append(rest, data...)
			if end := strings.LastIndexByte(string(rest), '\n') + 1; end > 0 {
				if err := each(rest[:end]); err != nil {
					return err
				}
				rest = slices.Clone(rest[end:])
			}
			if moved(f, path) && len(data) == 0 {
				f.Close()
				f = nil
			}
		}
		if !on {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}

// moved says that another file has the path now.
func moved(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && !os.SameFile(mine, now)
}

func newSandboxLogs(a *app) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs [NAME]",
		Short: "Print a log: the sandbox's own, or one of a cluster (no NAME lists them)",
		Args:  usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := a.sandboxDir()
			if err != nil {
				return err
			}
			logs, err := logFiles(dir)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				for _, name := range slices.Sorted(maps.Keys(logs)) {
					fmt.Fprintln(a.Out, name)
				}
				return nil
			}
			path, ok := logs[args[0]]
			if !ok {
				return usagef("no log is called %q; %s lists them", args[0], a.sandboxLine("logs"))
			}
			return a.follow(cmd.Context(), path, follow, func(lines []byte) error {
				_, err := a.Out.Write(lines)
				return err
			})
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new lines as they come")
	return cmd
}

// logFiles are the logs by name: where each is below the folder, without its ending.
func logFiles(dir string) (map[string]string, error) {
	logs := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && e.Type().IsRegular() && filepath.Ext(path) == ".log" {
			name, _ := filepath.Rel(dir, strings.TrimSuffix(path, ".log"))
			logs[filepath.ToSlash(name)] = path
		}
		return err
	})
	return logs, err
}
