package steps_test

import (
	"testing"

	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// The guide's shape is nine machines with nine disks and addresses: facts put it at about 0.58 dollars an hour.
func TestCostOfTheShapes(t *testing.T) {
	a := state.Defaults()
	zonal, ok := steps.CostOf(a)
	if !ok || zonal.Hourly < 0.10 || zonal.Hourly > 0.20 {
		t.Errorf("zonal: %+v, %v", zonal, ok)
	}
	a.Shape = state.Guide
	guide, ok := steps.CostOf(a)
	if !ok || guide.Hourly < 0.50 || guide.Hourly > 0.65 || guide.Monthly < 390 || guide.Monthly > 450 {
		t.Errorf("guide: %+v, %v", guide, ok)
	}
	a.Shape = state.Autopilot
	pods, ok := steps.CostOf(a)
	if !ok || pods.Hourly < 0.14 || pods.Hourly > 0.16 { // 0.10 + 0.75 × 0.0445 + 2.5 × 0.0049
		t.Errorf("autopilot: %+v, %v", pods, ok)
	}
	a.Shape = state.Guide
	a.MachineType = "n9-imaginary-7"
	if _, ok := steps.CostOf(a); ok {
		t.Error("priced a machine that no list has")
	}
}
