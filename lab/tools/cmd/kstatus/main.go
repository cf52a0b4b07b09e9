// kstatus prints what Flux and Helm take the state of objects to be. It reads objects from standard input, one JSON
// text a line, and prints a line {"status":…,"message":…} for each. Both use this library for their health checks:
// https://fluxcd.io/flux/components/kustomize/kustomizations/#health-checks
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// An object of Kubernetes has at most 1.5 MiB, the limit of a request to etcd.
const longestLine = 4 << 20

type answer struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("kstatus: ")
	answers := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(lines.Bytes()); err != nil {
			log.Fatalf("a line of standard input is not an object of Kubernetes: %v", err)
		}
		result, err := status.Compute(object)
		if err != nil {
			log.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
		if err := answers.Encode(answer{result.Status.String(), result.Message}); err != nil {
			log.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}
