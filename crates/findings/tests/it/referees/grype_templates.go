// Renders Grype's own templates of a document in its JSON format. Templates name the fields of Grype's types, which its source maps to those of
// the document: `go run grype_templates.go GRYPE DOCUMENT TEMPLATE`.
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"text/template"
)

type field struct {
	name, key string
	kind      ast.Expr
}

// Fields of the types of others, which the document holds under these keys.
var others = map[string]string{"UserInput": "userInput", "ID": "imageID", "Status": "status", "Built": "built"}

// By the name of a type: its fields, those of embedded types among them.
var types = map[string][]field{}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func load(directory string) {
	packages, err := parser.ParseDir(token.NewFileSet(), directory, nil, 0)
	check(err)
	specs := map[string]*ast.StructType{}
	for _, file := range packages["models"].Files {
		ast.Inspect(file, func(node ast.Node) bool {
			if spec, ok := node.(*ast.TypeSpec); ok {
				if of, ok := spec.Type.(*ast.StructType); ok {
					specs[spec.Name.Name] = of
				}
			}
			return true
		})
	}
	var fields func(of *ast.StructType) []field
	fields = func(of *ast.StructType) []field {
		var all []field
		for _, one := range of.Fields.List {
			if len(one.Names) == 0 {
				if embedded, ok := one.Type.(*ast.Ident); ok && specs[embedded.Name] != nil {
					all = append(all, fields(specs[embedded.Name])...)
				}
				continue
			}
			if one.Tag == nil {
				continue
			}
			tag := reflect.StructTag(strings.Trim(one.Tag.Value, "`")).Get("json")
			all = append(all, field{one.Names[0].Name, strings.Split(tag, ",")[0], one.Type})
		}
		return all
	}
	for name, of := range specs {
		types[name] = fields(of)
	}
}

// Gives a value the names of the fields of its type; what is absent is what Go makes of it.
func named(value any, kind ast.Expr) any {
	switch kind := kind.(type) {
	case *ast.StarExpr:
		return named(value, kind.X)
	case *ast.ArrayType:
		list, _ := value.([]any)
		all := []any{}
		for _, one := range list {
			all = append(all, named(one, kind.Elt))
		}
		return all
	case *ast.Ident:
		fields, known := types[kind.Name]
		if !known {
			if value == nil && kind.Name == "string" {
				return ""
			}
			return ofOthers(value)
		}
		object, _ := value.(map[string]any)
		all := map[string]any{}
		for _, one := range fields {
			all[one.name] = named(object[one.key], one.kind)
		}
		return all
	}
	return value
}

func ofOthers(value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	all := map[string]any{}
	for key, inner := range object {
		all[key] = ofOthers(inner)
	}
	for name, key := range others {
		if inner, ok := all[key]; ok {
			all[name] = inner
		}
	}
	return all
}

func main() {
	load(filepath.Join(os.Args[1], "grype/presenter/models"))
	bytes, err := os.ReadFile(os.Args[2])
	check(err)
	var document any
	check(json.Unmarshal(bytes, &document))
	text := func(value any) string { return fmt.Sprint(value) }
	// As those of sprig, which Grype adds.
	functions := template.FuncMap{
		"int": func(value any) int { var number int; fmt.Sscan(text(value), &number); return number },
		"add": func(values ...any) int {
			sum := 0
			for _, value := range values {
				var number int
				fmt.Sscan(text(value), &number)
				sum += number
			}
			return sum
		},
		"repeat": func(count int, of string) string { return strings.Repeat(of, count) },
		"substr": func(from, to int, of string) string { return of[from:to] },
		"cat":    func(values ...any) string { return strings.TrimSuffix(fmt.Sprintln(values...), "\n") },
		"join": func(by string, values []any) string {
			all := []string{}
			for _, value := range values {
				all = append(all, text(value))
			}
			return strings.Join(all, by)
		},
		"list":   func(values ...any) []any { return values },
		"append": func(list []any, value any) []any { return append(list, value) },
		"toJson": func(value any) string { bytes, _ := json.Marshal(value); return string(bytes) },
	}
	contents, err := os.ReadFile(os.Args[3])
	check(err)
	parsed, err := template.New("").Option("missingkey=error").Funcs(functions).Parse(string(contents))
	check(err)
	check(parsed.Execute(os.Stdout, named(document, ast.NewIdent("Document"))))
}
