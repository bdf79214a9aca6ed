package store

import (
	_ "embed" // the scripts

	"github.com/redis/go-redis/v9"
)

// The scripts that the server runs. Each has one round trip, and asks the server for the time.
var (
	//go:embed scripts/probe.lua
	probeSource string
	//go:embed scripts/bucket.lua
	bucketSource string
	//go:embed scripts/collection.lua
	collectionSource string
	//go:embed scripts/ban.lua
	banSource string
	//go:embed scripts/unban.lua
	unbanSource string
	//go:embed scripts/bans.lua
	bansSource string
	//go:embed scripts/banschanged.lua
	bansChangedSource string
	//go:embed scripts/hit.lua
	hitSource string
	//go:embed scripts/present.lua
	presentSource string

	probeScript       = redis.NewScript(probeSource)
	bucketScript      = redis.NewScript(bucketSource)
	collectionScript  = redis.NewScript(collectionSource)
	banScript         = redis.NewScript(banSource)
	unbanScript       = redis.NewScript(unbanSource)
	bansScript        = redis.NewScript(bansSource)
	bansChangedScript = redis.NewScript(bansChangedSource)
	hitScript         = redis.NewScript(hitSource)
	presentScript     = redis.NewScript(presentSource)
)
