package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"
)

// ask puts a question and takes a plain yes for one; anything else, and the end
// of the input, is no. A context that ends while nobody answers ends the question.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	fmt.Fprint(a.Err, question+" [y/N] ")
	if a.lines == nil { // one for all questions: it may read more than a line
		a.lines = bufio.NewReader(a.In)
	}
	answer := make(chan string, 1)
	go func() {
		line, _ := a.lines.ReadString('\n') // no line is no
		answer <- strings.TrimSpace(line)
	}()
	select {
	case word := <-answer:
		if word == "y" || word == "Y" || word == "yes" {
			return true, nil
		}
	case <-ctx.Done():
		fmt.Fprintln(a.Err)
		return false, ctx.Err()
	}
	fmt.Fprintln(a.Err)
	return false, nil
}

// agreed asks whether to change a setup's project. A no is wrong usage, and nothing is done.
func (a *app) agreed(ctx context.Context, s *session, what, nothing string) error {
	yes, err := a.ask(ctx, fmt.Sprintf("%s project %s in %s?", what, s.Answers().Project, s.store.Record().World))
	if err == nil && !yes {
		err = usagef("not confirmed, nothing was %s; %s does not ask", nothing, a.again("--yes"))
	}
	return err
}
