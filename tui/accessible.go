package tui

import (
	"context"
	"errors"
)

func runLines(ctx context.Context, b Backend, o Options) (Outcome, error) {
	return Outcome{}, errors.New("not yet")
}
