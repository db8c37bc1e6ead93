package main

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"strings"
)

// The scripts are copies of the client library's: `go generate` renews them, and a test of the project compares them.
//
//go:generate cp ../src/kubejobs/workqueue/scripts/common.lua scripts/common.lua
//go:generate cp ../src/kubejobs/workqueue/scripts/turn_plain.lua scripts/turn_plain.lua
//go:generate cp ../src/kubejobs/workqueue/scripts/turn.lua scripts/turn.lua
//go:generate cp ../src/kubejobs/workqueue/scripts/renew.lua scripts/renew.lua
//go:generate cp ../src/kubejobs/workqueue/scripts/unstart.lua scripts/unstart.lua
//go:generate cp ../src/kubejobs/workqueue/scripts/leave.lua scripts/leave.lua
var (
	//go:embed scripts/common.lua
	commonText string
	//go:embed scripts/turn_plain.lua
	plainTurnText string
	//go:embed scripts/turn.lua
	turnText string
	//go:embed scripts/renew.lua
	renewText string
	//go:embed scripts/unstart.lua
	unstartText string
	//go:embed scripts/leave.lua
	leaveText string

	turnScript    = newScript(plainTurnText, commonText, turnText)
	renewScript   = newScript(commonText, renewText)
	unstartScript = newScript(commonText, unstartText)
	leaveScript   = newScript(commonText, leaveText)
)

// script is one script's text and the digest by which servers know it, the same as the client library's.
type script struct{ text, sha string }

func newScript(parts ...string) *script {
	whole := strings.Join(parts, "\n")
	digest := sha1.Sum([]byte(whole))
	return &script{whole, hex.EncodeToString(digest[:])}
}
