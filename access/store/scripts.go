package store

import (
	_ "embed" // the scripts

	"github.com/redis/go-redis/v9"
)

// The scripts that the server runs. Each has one round trip, and asks the server for the time.
var (
	//go:embed scripts/own.lua
	ownSource string
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

	probeScript       = redis.NewScript(ownSource + probeSource)
	bucketScript      = redis.NewScript(ownSource + bucketSource)
	collectionScript  = redis.NewScript(ownSource + collectionSource)
	banScript         = redis.NewScript(ownSource + banSource)
	unbanScript       = redis.NewScript(ownSource + unbanSource)
	bansScript        = redis.NewScript(ownSource + bansSource)
	bansChangedScript = redis.NewScript(ownSource + bansChangedSource)
	hitScript         = redis.NewScript(ownSource + hitSource)
	presentScript     = redis.NewScript(ownSource + presentSource)
)
