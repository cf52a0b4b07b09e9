// argo-health runs a health script as Argo CD runs it: `argo-health SCRIPT` reads objects from standard input, one JSON
// text a line, and prints a line {"status":…,"message":…} for each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
)

// An object of Kubernetes has at most 1.5 MiB, the limit of a request to etcd.
const longestLine = 4 << 20

func main() {
	log.SetFlags(0)
	log.SetPrefix("argo-health: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: argo-health SCRIPT <OBJECTS")
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	answers := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		health, err := healthOf(lines.Bytes(), string(script))
		if err != nil {
			log.Fatalf("%s: %v", os.Args[1], err)
		}
		if err := answers.Encode(health); err != nil {
			log.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}

// healthOf runs the script on one object.
func healthOf(text []byte, script string) (health, error) {
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return health{}, fmt.Errorf("a line of standard input is not a JSON object: %w", err)
	}
	return run(script, object)
}
