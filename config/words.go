package config

// The words of closed sets that settings are chosen from, as they stand in files.

// Mode says what happens with what rules find.
type Mode string

// The modes.
const (
	ModeOff    Mode = "off"    // nothing is inspected
	ModeDetect Mode = "detect" // what block would do is reported
	ModeBlock  Mode = "block"
)

// Choice says what happens to a request that could not be inspected.
type Choice string

// The choices.
const (
	Deny  Choice = "deny"
	Allow Choice = "allow"
)

// Treatment says what happens to a body of which rules cannot see all.
type Treatment string

// The treatments.
const (
	Reject         Treatment = "reject"
	InspectPrefix  Treatment = "inspect_prefix"
	SkipInspection Treatment = "skip_inspection"
)

// Doctype says what happens to XML with a document type.
type Doctype string

// What can.
const (
	DoctypeRefuse   Doctype = "refuse"
	DoctypeInternal Doctype = "internal" // without anything external
)

// FileMode says what rules see of the contents of uploaded files.
type FileMode string

// What they can see.
const (
	FilesActive FileMode = "active"
	FilesAll    FileMode = "all"
	FilesSkip   FileMode = "skip"
)

// Switch is on or off.
type Switch string

// Its positions.
const (
	On  Switch = "on"
	Off Switch = "off"
)

// WebSocket says what happens to a handshake, and to what follows it.
type WebSocket string

// What can.
const (
	WebSocketDeny    WebSocket = "deny"
	WebSocketAllow   WebSocket = "allow"
	WebSocketInspect WebSocket = "inspect"
)

// PathReadings says which odd paths a route takes.
type PathReadings string

// What it can say.
const (
	ReadingsAgree PathReadings = "agree" // those whose readings all lead to it
	ReadingsOne   PathReadings = "one"   // those that have one reading
)

// Discovery says where the addresses of an upstream's names come from.
type Discovery string

// Where they can.
const (
	DiscoveryOff Discovery = "off"
	DiscoveryDNS Discovery = "dns" // each address of a name is an endpoint
)

// Balance says which endpoint is next.
type Balance string

// Which can be.
const (
	RoundRobin  Balance = "round_robin"
	LeastLoaded Balance = "least_loaded"
)

// AccessLog says which requests get an access event.
type AccessLog string

// Which can.
const (
	AccessAll AccessLog = "all"
	AccessOff AccessLog = "off" // those that were refused
)
