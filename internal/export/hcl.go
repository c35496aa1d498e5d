package export

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// block is a block of HCL that is being written.
type block struct{ body *hclwrite.Body }

// add begins a block inside: `kind "label" "label" { … }`.
func (b block) add(kind string, labels ...string) block {
	return block{b.body.AppendNewBlock(kind, labels).Body()}
}

// set gives an attribute a value.
func (b block) set(name string, value any) block {
	b.body.SetAttributeValue(name, ctyOf(value))
	return b
}

// refer gives an attribute the value of another: "google_kms_key_ring.setup.id".
func (b block) refer(name, what string) block {
	b.body.SetAttributeTraversal(name, traversal(what))
	return b
}

// code gives an attribute an expression, as it is written.
func (b block) code(name, expression string) block {
	tokens, _ := hclsyntax.LexExpression([]byte(expression), "", hcl.InitialPos)
	var raw hclwrite.Tokens
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenEOF {
			raw = append(raw, &hclwrite.Token{Type: t.Type, Bytes: t.Bytes})
		}
	}
	b.body.SetAttributeRaw(name, raw)
	return b
}

// after says what must be there before.
func (b block) after(what ...string) block {
	var each []hclwrite.Tokens
	for _, w := range what {
		each = append(each, hclwrite.TokensForTraversal(traversal(w)))
	}
	if len(each) > 0 {
		b.body.SetAttributeRaw("depends_on", hclwrite.TokensForTuple(each))
	}
	return b
}

// comment writes lines of comment.
func (b block) comment(lines ...string) block {
	for _, line := range lines {
		b.body.AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte("# " + line + "\n")}})
	}
	return b
}

func (b block) gap() { b.body.AppendNewline() }

func traversal(what string) hcl.Traversal {
	parts := strings.Split(what, ".")
	t := hcl.Traversal{hcl.TraverseRoot{Name: parts[0]}}
	for _, p := range parts[1:] {
		t = append(t, hcl.TraverseAttr{Name: p})
	}
	return t
}

// ctyOf is a value of Go's as HCL has it.
func ctyOf(value any) cty.Value {
	switch v := value.(type) {
	case string:
		return cty.StringVal(v)
	case int:
		return cty.NumberIntVal(int64(v))
	case int64:
		return cty.NumberIntVal(v)
	case float64:
		return cty.NumberFloatVal(v)
	case bool:
		return cty.BoolVal(v)
	case []string:
		all := make([]cty.Value, len(v))
		for i := range v {
			all[i] = cty.StringVal(v[i])
		}
		return cty.TupleVal(all)
	case []any:
		all := make([]cty.Value, len(v))
		for i := range v {
			all[i] = ctyOf(v[i])
		}
		return cty.TupleVal(all)
	case map[string]any:
		all := map[string]cty.Value{}
		for k := range v {
			all[k] = ctyOf(v[k])
		}
		return cty.ObjectVal(all)
	}
	return cty.NullVal(cty.DynamicPseudoType)
}
