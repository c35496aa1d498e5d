package export

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/signgate/signgate/state"
)

// Config is the answers as a config file: what `signgate apply -f` takes. Each key
// stands there, with what it is about.
func Config(a state.Answers) string {
	var out strings.Builder
	out.WriteString("# A setup of signgate: signgate plan -f FILE says what it comes to, signgate apply -f FILE makes it.\n")
	out.WriteString("# A key may be left out: its default holds. A flag of the command line wins over the file.\n")
	for _, q := range state.Questions() {
		fmt.Fprintf(&out, "\n# %s\n", about(q))
		if q.More != "" {
			fmt.Fprintf(&out, "# %s\n", sentence(q.More))
		}
		fmt.Fprintf(&out, "%s: %s\n", q.Key, value(q.At(&a)))
	}
	return out.String()
}

// about is the question without the marks that the flag's help needs.
func about(q state.Question) string { return sentence(strings.ReplaceAll(q.Ask, "`", "")) }

// value is an answer in YAML. Text is in double quotes, always: what is in them is
// JSON's text, which YAML reads alike, and nothing else.
func value(at any) string {
	switch v := at.(type) {
	case *string:
		return strconv.QuoteToASCII(*v)
	case *int:
		return strconv.Itoa(*v)
	case *bool:
		return strconv.FormatBool(*v)
	}
	return ""
}
