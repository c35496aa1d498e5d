package main

import "context"

func runWizard(ctx context.Context, a *app) error {
	return usagef("the wizard is not part of this build yet; use a verb")
}
