package gke

import (
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestStale(t *testing.T) {
	t.Parallel()
	now, before := etag(), etag()
	labels := fingerprint(map[string]string{"a": "b"})
	for _, test := range []struct {
		read, now string
		want      bool
	}{
		{now, now, false},
		{before, now, true},
		{"", now, false},
		{"BwXhqDVTqaE=", now, false}, // of another world
		{"not an etag!", now, false},
		{labels, labels, false},
		{labels, fingerprint(nil), true},
		{fingerprint(nil), labels, true},
		{"abcd1234", labels, false},
		{"wxyz1234", labels, false},
		{version([]byte("one")), version([]byte("two")), true},
	} {
		if got := stale(test.read, test.now); got != test.want {
			t.Errorf("%q read, %q now: %v", test.read, test.now, got)
		}
	}
}

// Who has read an older version is told so; of another world's nothing is known.
func TestMaintenancePolicy(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.create(t, zone, small("one"))
	first := w.get(t, zone, "one").GetMaintenancePolicy().GetResourceVersion()
	at := func(version, start string) *containerpb.MaintenancePolicy {
		return &containerpb.MaintenancePolicy{ResourceVersion: version, Window: &containerpb.MaintenanceWindow{Policy: &containerpb.MaintenanceWindow_DailyMaintenanceWindow{
			DailyMaintenanceWindow: &containerpb.DailyMaintenanceWindow{StartTime: start}}}}
	}
	for _, test := range []struct {
		version, start string
		code           codes.Code
	}{
		{first, "03:00", codes.OK},
		{first, "04:00", codes.FailedPrecondition},
		{"", "23:59", codes.OK},
		{"abcd1234", "00:00", codes.OK},
		{"", "99:00", codes.InvalidArgument},
		{"", "24:00", codes.InvalidArgument},
		{"", "3:00", codes.InvalidArgument},
		{"", "", codes.InvalidArgument},
	} {
		op, err := w.SetMaintenancePolicy(w.ctx, &containerpb.SetMaintenancePolicyRequest{Name: zone + "/clusters/one", MaintenancePolicy: at(test.version, test.start)})
		if status.Code(err) != test.code {
			t.Errorf("version %q, %q: %v, want %v", test.version, test.start, err, test.code)
		}
		if err != nil {
			continue
		}
		w.done(t, zone, op)
		if got := w.get(t, zone, "one").GetMaintenancePolicy(); got.GetWindow().GetDailyMaintenanceWindow().GetStartTime() != test.start || got.GetResourceVersion() == test.version {
			t.Errorf("version %q, %q: %v", test.version, test.start, got)
		}
	}
	bad := small("two")
	bad.MaintenancePolicy = at("", "99:00")
	if _, err := w.CreateCluster(w.ctx, &containerpb.CreateClusterRequest{Parent: zone, Cluster: bad}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("create: %v", err)
	}
}
