package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// source is what comments say: of types and their fields, and which constants a type has.
type source struct {
	types  map[string]string  // "engine.Event": its comment
	fields map[string]string  // "engine.Event.Time"
	values map[string][]value // "engine.Type": in the order of the source
	kinds  []string           // of resources, as the steps name them
}

// value is a constant of a string type.
type value struct{ name, text, comment string }

// parse reads packages of this module, tests left out.
func parse(root string, folders ...string) (source, error) {
	s := source{types: map[string]string{}, fields: map[string]string{}, values: map[string][]value{}}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil {
			return s, err
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				return s, err
			}
			s.file(f.Name.Name, f)
		}
	}
	slices.Sort(s.kinds)
	s.kinds = slices.Compact(s.kinds)
	return s, nil
}

func (s *source) file(pkg string, f *ast.File) {
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok {
			s.declaration(pkg, g)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool { // state.Resource{Kind: "…"}
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		key, isKey := pair.Key.(*ast.Ident)
		kind, isText := pair.Value.(*ast.BasicLit)
		if isKey && isText && key.Name == "Kind" && kind.Kind == token.STRING {
			if text, _ := strconv.Unquote(kind.Value); strings.Contains(text, ".") || text == "file" {
				s.kinds = append(s.kinds, text)
			}
		}
		return true
	})
}

func (s *source) declaration(pkg string, g *ast.GenDecl) {
	for _, spec := range g.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			doc := spec.Doc
			if doc == nil {
				doc = g.Doc
			}
			s.types[pkg+"."+spec.Name.Name] = comment(doc)
			if t, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range t.Fields.List {
					for _, name := range f.Names {
						s.fields[pkg+"."+spec.Name.Name+"."+name.Name] = strings.TrimSpace(comment(f.Doc) + " " + comment(f.Comment))
					}
				}
			}
		case *ast.ValueSpec:
			s.constant(pkg, spec)
		}
	}
}

// constant notes a constant of text: under its type, or, where it has none, under the
// first word of its name ("PinKeyVersion" under "steps.Pin").
func (s *source) constant(pkg string, spec *ast.ValueSpec) {
	if len(spec.Values) != 1 {
		return
	}
	lit, ok := spec.Values[0].(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return
	}
	text, _ := strconv.Unquote(lit.Value)
	v := value{spec.Names[0].Name, text, strings.TrimSpace(comment(spec.Doc) + " " + comment(spec.Comment))}
	v.comment = strings.TrimPrefix(v.comment, v.name+" is ")
	of := firstWord.FindString(v.name)
	if t, ok := spec.Type.(*ast.Ident); ok {
		of = t.Name
	}
	s.values[pkg+"."+of] = append(s.values[pkg+"."+of], v)
}

var firstWord = regexp.MustCompile(`^.[a-z]*`)

// comment is a comment on one line.
func comment(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

// nameOf is a type as source has it: "engine.Event".
func nameOf(t reflect.Type) string { return t.String() }

// field is a field of a struct as it is in JSON.
type field struct {
	key      string
	typ      reflect.Type
	required bool
	comment  string
}

// fieldsOf are the fields of a struct in JSON, those of embedded structs among them.
func (s source) fieldsOf(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case key == "-" || !f.IsExported():
		case f.Anonymous && key == "":
			all = append(all, s.fieldsOf(f.Type)...)
		default:
			if key == "" {
				key = f.Name
			}
			all = append(all, field{key, f.Type, options == "", s.fields[nameOf(t)+"."+f.Name]})
		}
	}
	return all
}
