package engine

import "github.com/signgate/signgate/internal/problem"

// Check is one thing that is looked at before a setup, and how it stands. Reports
// of the same ID replace each other.
type Check struct {
	ID      string           `json:"id"`              // "sign-in", "billing", "api:…", "permission:…"
	Group   string           `json:"group,omitempty"` // what it is listed under: "APIs", "permissions"
	Title   string           `json:"title"`
	State   CheckState       `json:"state"`
	Detail  string           `json:"detail,omitempty"` // "billingAccounts/01A2B3-…"
	Problem *problem.Problem `json:"error,omitempty"`  // of a Fail, and of an Unknown where there is one
}

// CheckState is where a check is.
type CheckState string

// The states of a check.
const (
	CheckRunning CheckState = "running"
	CheckPass    CheckState = "pass"
	CheckFail    CheckState = "fail"
	CheckUnknown CheckState = "cannot tell"
)
