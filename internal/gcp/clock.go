package gcp

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// ClockSkew is how far this machine's clock is ahead of Google's (behind, where it
// is negative), by the date that the sign-in host puts on any answer: to the
// second. It needs no sign-in.
func (c *Clients) ClockSkew(ctx context.Context) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "https://oauth2.googleapis.com/", nil)
	if err != nil {
		return 0, err
	}
	asked := time.Now()
	resp, err := c.HTTP.RoundTrip(req)
	if err != nil {
		return 0, fmt.Errorf("ask for the time: %w", err)
	}
	resp.Body.Close()
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, fmt.Errorf("ask for the time: %w", err)
	}
	here := asked.Add(time.Since(asked) / 2)
	return here.Sub(theirs).Round(time.Second), nil
}
