package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Argo CD gives a script one second, and takes an answer for one of these words only:
// https://argo-cd.readthedocs.io/en/stable/operator-manual/health/
const timeLimit = time.Second

var words = []string{"Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"}

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// run gives the object to the script as the global `obj`, and reads the table that the script returns.
// There are the libraries `package`, `base` and `table`, and of `os` the functions that read the clock. The library
// `string` is not there: Argo CD loads it only if `useOpenLibs` is set beside the script.
func run(script string, object map[string]any) (health, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	libraries := map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage,
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
		lua.OsLibName:   openClock,
	}
	// `package` first: the others register themselves in it.
	for _, name := range []string{lua.LoadLibName, lua.BaseLibName, lua.TabLibName, lua.OsLibName} {
		open := lua.P{Fn: state.NewFunction(libraries[name]), Protect: true}
		if err := state.CallByParam(open, lua.LString(name)); err != nil {
			return health{}, err
		}
	}
	limit, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	state.SetContext(limit)
	state.SetGlobal("obj", toLua(state, object))
	if err := state.DoString(script); err != nil {
		return health{}, err
	}
	return read(state.Get(-1))
}

// openClock is the part of `os` that a script of Argo CD has.
func openClock(state *lua.LState) int {
	state.RegisterModule(lua.OsLibName, map[string]lua.LGFunction{
		"time": func(state *lua.LState) int {
			state.Push(lua.LNumber(time.Now().Unix()))
			return 1
		},
		"date": func(state *lua.LState) int {
			state.Push(lua.LString(time.Now().UTC().Format(time.RFC3339)))
			return 1
		},
	})
	return 0
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		table := state.NewTable()
		for _, item := range value {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	}
	return lua.LNil
}

func read(value lua.LValue) (health, error) {
	table, ok := value.(*lua.LTable)
	if !ok {
		return health{}, fmt.Errorf("the script returned a %s: return a table with `status` and `message`", value.Type())
	}
	answer := health{}
	for name, field := range map[string]*string{"status": &answer.Status, "message": &answer.Message} {
		switch value := table.RawGetString(name).(type) {
		case lua.LString:
			*field = string(value)
		case *lua.LNilType:
		default:
			return health{}, fmt.Errorf("the script returned a %s as `%s`: return text", value.Type(), name)
		}
	}
	if !slices.Contains(words, answer.Status) {
		return health{}, fmt.Errorf("the script returned the status %q: return one of %v", answer.Status, words)
	}
	return answer, nil
}
