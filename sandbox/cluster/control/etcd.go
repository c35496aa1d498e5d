package control

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

const etcdStart = 2 * time.Minute

// startEtcd opens the cluster's data. It listens on unix sockets in a private
// folder: whoever can talk to it owns the cluster. Writes are not fsynced: a
// sandbox survives its own kill, not the machine's power cut.
func startEtcd(ctx context.Context, data, sock, logFile string) (*embed.Etcd, error) {
	c := embed.NewConfig()
	c.Name = "sandbox"
	c.Dir = data
	c.UnsafeNoFsync = true
	c.Logger = "zap"
	c.LogLevel = "warn"
	c.LogOutputs = []string{logFile}
	c.ListenClientUrls = []url.URL{{Scheme: "unix", Path: sock}}
	c.ListenPeerUrls = nil // it is alone
	// Nobody dials what is advertised, but it must look like an address.
	nobody := []url.URL{{Scheme: "http", Host: "localhost:1"}}
	c.AdvertiseClientUrls, c.AdvertisePeerUrls = nobody, nobody
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.StrictReconfigCheck = false
	// A member that is alone also waits for the others' votes to fail to come: not for long. Each
	// tick costs for as long as the cluster is there.
	c.TickMs, c.ElectionMs = 50, 250
	c.InitialElectionTickAdvance = true
	c.SnapshotCount = 2000
	c.SnapshotCatchUpEntries = 100
	c.AutoCompactionMode, c.AutoCompactionRetention = "revision", "1000"
	c.QuotaBackendBytes = 256 << 20
	e, err := embed.StartEtcd(c)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	select {
	case <-e.Server.ReadyNotify():
		return e, nil
	case err := <-e.Err():
		return nil, fmt.Errorf("etcd: %w", err)
	case <-time.After(etcdStart):
		e.Close()
		return nil, errors.New("etcd: not ready in time")
	case <-ctx.Done():
		e.Close()
		return nil, ctx.Err()
	}
}
