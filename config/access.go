package config

// Access is an effective access policy: who may ask at all, and how often. What it inherits and every default are
// filled in.
type Access struct {
	ID       string        `mapstructure:"id"`
	Inherits string        `mapstructure:"inherits"`
	Mode     Enforcement   `mapstructure:"mode"`    // enforce, observe or off
	Default  Choice        `mapstructure:"default"` // of requests that no rule decides: allow or deny
	Status   int           `mapstructure:"status"`  // of requests that are denied, by rules that name none and by default
	Rules    []AccessRule  `mapstructure:"rules"`   // those of the inherited policy first
	Limits   []AccessLimit `mapstructure:"limits"`  // likewise
	Bans     []AccessBan   `mapstructure:"bans"`    // likewise

	Challenge   Challenge      `mapstructure:"challenge"`
	Bots        []Bot          `mapstructure:"bots"`         // the built-in ones first, then those of the inherited policy
	BotsPending BotPending     `mapstructure:"bots_pending"` // of requests whose conditions name one that is not verified yet
	Tokens      *AccessTokens  `mapstructure:"tokens"`
	APIKeys     *AccessAPIKeys `mapstructure:"api_keys"`
	Login       *AccessLogin   `mapstructure:"login"`

	// Sources maps each key path within the policy, all but id and inherits, to the ids of the policies that set it,
	// or to "default".
	Sources map[string]string `mapstructure:"-"`
}

// AccessRule decides about the requests that meet its conditions, unless a rule before it has done so.
type AccessRule struct {
	ID     string      `mapstructure:"id"`
	When   *AccessWhen `mapstructure:"when"`   // nil: every request
	Then   AccessThen  `mapstructure:"then"`   // always_allow, allow, deny or challenge
	Status int         `mapstructure:"status"` // of then: deny; 0: that of the policy
	Mode   Enforcement `mapstructure:"mode"`   // enforce, observe or off

	Source string `mapstructure:"-"` // key path of the rule, which may be inherited
}

// AccessWhen are conditions on a request. Each that is set must hold; of each, one of the list is enough.
type AccessWhen struct {
	Addresses  []string      `mapstructure:"addresses"` // ids of lists, networks, or addresses
	Countries  []string      `mapstructure:"countries"` // codes of two letters, or unknown
	ASNs       []string      `mapstructure:"asns"`      // numbers of networks, such as AS64496, or unknown
	Methods    []string      `mapstructure:"methods"`
	Hosts      []string      `mapstructure:"hosts"` // as those of routes
	Paths      []PathMatch   `mapstructure:"paths"` // as those of routes
	Headers    []HeaderMatch `mapstructure:"headers"`
	UserAgents []string      `mapstructure:"user_agents"` // RE2, found anywhere in the field
	Identity   *Identities   `mapstructure:"identity"`    // of the client's certificate; empty: any that was verified
	Bots       []string      `mapstructure:"bots"`        // verified ones, by id, or any
	Claims     []ClaimMatch  `mapstructure:"claims"`      // of the token; all must hold
	APIKeys    []string      `mapstructure:"api_keys"`    // names of clients whose key it is; "*": any

	Not *AccessWhen `mapstructure:"not"` // of which none may hold
}

// Enforcement says what is done with what a policy, or a part of one, decides.
type Enforcement string

// The modes.
const (
	Enforce   Enforcement = "enforce"
	Observe   Enforcement = "observe" // what would be done is reported
	Disregard Enforcement = "off"
)

// AccessThen is what a rule does with a request.
type AccessThen string

// What it can do.
const (
	ThenAlwaysAllow AccessThen = "always_allow" // nothing of access applies to the request
	ThenAllow       AccessThen = "allow"        // no rule behind it applies
	ThenDeny        AccessThen = "deny"
	ThenChallenge   AccessThen = "challenge"
)

// DefaultAccessID is the access policy of a route that names none, and of requests that no route matches.
const DefaultAccessID = "default"

// DefaultAccess returns the access policy that every one without "inherits" starts from. Unless the file defines an
// access policy "default", routes that name none have none.
func DefaultAccess() Access {
	a := Access{
		ID: DefaultAccessID, Mode: Enforce, Default: Allow, Status: 403, Sources: map[string]string{},
		Challenge: DefaultChallenge(), Bots: DefaultBots(), BotsPending: PendingDeny,
	}
	for _, path := range accessSettings() {
		a.Sources[path] = DefaultAccessID
	}
	return a
}
