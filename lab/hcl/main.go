// Prints the providers and resources of a Terraform file as JSON, with every expression evaluated: what Terraform would hand to
// the AWS provider. The arguments are the file, the partition and the account.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

var schema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "terraform"},
	{Type: "provider", LabelNames: []string{"name"}},
	{Type: "data", LabelNames: []string{"type", "name"}},
	{Type: "resource", LabelNames: []string{"type", "name"}},
	{Type: "output", LabelNames: []string{"name"}},
}}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path, partition, account string) error {
	file, problems := hclparse.NewParser().ParseHCLFile(path)
	if problems.HasErrors() {
		return problems
	}
	content, problems := file.Body.Content(schema)
	if problems.HasErrors() {
		return problems
	}
	known := map[string]map[string]cty.Value{}
	put := func(kind, name string, fields map[string]cty.Value) {
		if known[kind] == nil {
			known[kind] = map[string]cty.Value{}
		}
		known[kind][name] = cty.ObjectVal(fields)
	}
	data := map[string]cty.Value{}
	for _, block := range content.Blocks.OfType("data") {
		switch block.Labels[0] {
		case "aws_caller_identity":
			data["aws_caller_identity"] = named(block.Labels[1], "account_id", account)
		case "aws_partition":
			data["aws_partition"] = named(block.Labels[1], "partition", partition)
		default:
			// What it would read is not known here, so nothing may refer to it.
			if _, err := evaluate(block.Body, scope(data, known)); err != nil {
				return err
			}
		}
	}
	resources := map[string]map[string]any{}
	for _, block := range content.Blocks.OfType("provider") {
		fields, err := evaluate(block.Body, scope(data, known))
		if err != nil {
			return err
		}
		resources["provider."+block.Labels[0]] = shown(fields)
	}
	// A resource refers only to those before it.
	for _, block := range content.Blocks.OfType("resource") {
		fields, err := evaluate(block.Body, scope(data, known))
		if err != nil {
			return err
		}
		kind, name := block.Labels[0], block.Labels[1]
		resources[kind+"."+name] = shown(fields)
		fields["arn"] = cty.StringVal("arn of " + kind + "." + name)
		put(kind, name, fields)
	}
	for _, block := range content.Blocks.OfType("output") {
		if _, err := evaluate(block.Body, scope(data, known)); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(resources)
}

func shown(fields map[string]cty.Value) map[string]any {
	values := map[string]any{}
	for field, value := range fields {
		values[field] = ctyjson.SimpleJSONValue{Value: value}
	}
	return values
}

func named(name, field, value string) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{name: cty.ObjectVal(map[string]cty.Value{field: cty.StringVal(value)})})
}

func scope(data map[string]cty.Value, known map[string]map[string]cty.Value) *hcl.EvalContext {
	variables := map[string]cty.Value{"data": cty.ObjectVal(data)}
	for kind, resources := range known {
		variables[kind] = cty.ObjectVal(resources)
	}
	return &hcl.EvalContext{
		Variables: variables,
		Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc},
	}
}

func evaluate(body hcl.Body, scope *hcl.EvalContext) (map[string]cty.Value, error) {
	attributes, problems := body.JustAttributes()
	if problems.HasErrors() {
		return nil, problems
	}
	fields := map[string]cty.Value{}
	for name, attribute := range attributes {
		value, problems := attribute.Expr.Value(scope)
		if problems.HasErrors() {
			return nil, problems
		}
		fields[name] = value
	}
	return fields, nil
}
