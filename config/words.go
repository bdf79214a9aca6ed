package config

import (
	"reflect"
	"strings"
)

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

// UnknownFields says what happens to messages with fields that no descriptor names.
type UnknownFields string

// What can.
const (
	UnknownInspect UnknownFields = "inspect" // they are inspected, by their numbers
	UnknownRefuse  UnknownFields = "refuse"
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

// Balance says which endpoint is next.
type Balance string

// Which can be.
const (
	LeastRequest   Balance = "least_request"
	RoundRobin     Balance = "round_robin"
	ConsistentHash Balance = "consistent_hash"
	Sticking       Balance = "sticky"
	LeastLoaded    Balance = "least_loaded" // the former name of LeastRequest
)

var balanceType = reflect.TypeFor[Balance]()

// AccessLog says which requests get an access event.
type AccessLog string

// Which can.
const (
	AccessAll AccessLog = "all"
	AccessOff AccessLog = "off" // those that were refused
)

// TLSVersion is the oldest version of TLS that a listener speaks.
type TLSVersion string

// Which can be.
const (
	TLS12 TLSVersion = "tls1.2"
	TLS13 TLSVersion = "tls1.3"
)

// ClientMode says whether clients are asked for a certificate.
type ClientMode string

// Whether they are.
const (
	ClientOff      ClientMode = "off"
	ClientRequest  ClientMode = "request"  // one that cannot be verified counts as none
	ClientOptional ClientMode = "optional" // one that cannot be verified ends the handshake
	ClientRequire  ClientMode = "require"
)

// Forwarding says how an upstream hears of a client's certificate.
type Forwarding string

// How it can.
const (
	ForwardNothing Forwarding = "off"
	ForwardXFCC    Forwarding = "xfcc"        // X-Forwarded-Client-Cert
	ForwardCert    Forwarding = "client_cert" // Client-Cert (RFC 9440)
)

// HTTPS says what a route does with requests in clear text.
type HTTPS string

// What it can.
const (
	HTTPSOptional HTTPS = "optional"
	HTTPSRedirect HTTPS = "redirect"
	HTTPSRequire  HTTPS = "require"
)

// EventFormat is how events are spelled on standard output.
type EventFormat string

// SinkFormat is how events are spelled for a sink.
type SinkFormat string

// The formats.
const (
	StdoutNative EventFormat = "native"
	StdoutOCSF   EventFormat = "ocsf"
	StdoutECS    EventFormat = "ecs"
	StdoutOff    EventFormat = "off" // nothing is written there

	FormatNative SinkFormat = "native"
	FormatOCSF   SinkFormat = "ocsf"
	FormatECS    SinkFormat = "ecs"
)

// EventKind is a kind of events that a sink gets.
type EventKind string

// The kinds.
const (
	EventAccess   EventKind = "access"   // one of every request
	EventRefused  EventKind = "refused"  // of these, those of requests that were refused or failed
	EventSecurity EventKind = "security" // what policies found
	EventBans     EventKind = "bans"     // begun and ended
)

// sets are the words of each type, in the order in which messages list them.
var sets = map[reflect.Type][]string{
	reflect.TypeFor[Mode]():          texts(ModeOff, ModeDetect, ModeBlock),
	reflect.TypeFor[Choice]():        texts(Deny, Allow),
	reflect.TypeFor[Treatment]():     texts(Reject, InspectPrefix, SkipInspection),
	reflect.TypeFor[Doctype]():       texts(DoctypeRefuse, DoctypeInternal),
	reflect.TypeFor[FileMode]():      texts(FilesActive, FilesAll, FilesSkip),
	reflect.TypeFor[UnknownFields](): texts(UnknownInspect, UnknownRefuse),
	reflect.TypeFor[Switch]():        texts(On, Off),
	reflect.TypeFor[WebSocket]():     texts(WebSocketDeny, WebSocketAllow, WebSocketInspect),
	reflect.TypeFor[PathReadings]():  texts(ReadingsAgree, ReadingsOne),
	reflect.TypeFor[Discovery]():     texts(DiscoveryOff, DiscoveryDNS, DiscoverySRV),
	reflect.TypeFor[Balance]():       texts(LeastRequest, RoundRobin, ConsistentHash, Sticking, LeastLoaded),
	reflect.TypeFor[HashValue]():     texts(HashClient, HashPath),
	reflect.TypeFor[SameSite]():      texts(SameSiteLax, SameSiteStrict, SameSiteNone),
	reflect.TypeFor[Protocol]():      texts(ProtocolH1, ProtocolH2, ProtocolH2C, ProtocolAuto),
	reflect.TypeFor[CheckProtocol](): texts(CheckHTTP, CheckGRPC),
	reflect.TypeFor[AccessLog]():     texts(AccessAll, AccessOff),
	reflect.TypeFor[TLSVersion]():    texts(TLS12, TLS13),
	reflect.TypeFor[ClientMode]():    texts(ClientOff, ClientRequest, ClientOptional, ClientRequire),
	reflect.TypeFor[Forwarding]():    texts(ForwardNothing, ForwardXFCC, ForwardCert),
	reflect.TypeFor[Enforcement]():   texts(Enforce, Observe, Disregard),
	reflect.TypeFor[BotPending]():    texts(PendingDeny, PendingChallenge, PendingAllow),
	reflect.TypeFor[ListFormat]():    texts(ListPlain, ListCSV, ListJSON, ListIPSet),
	reflect.TypeFor[ListStart]():     texts(StartRefuse, StartEmpty),
	reflect.TypeFor[AccessThen]():    texts(ThenAlwaysAllow, ThenAllow, ThenDeny, ThenChallenge),
	reflect.TypeFor[KeyWord]():       texts(KeyClient, KeyRoute, KeyPath, KeyMethod, KeyHost, KeyIdentity, KeyAPIKey, KeyCountry, KeyASN),
	reflect.TypeFor[BanScope]():      texts(BanEverywhere, BanHost, BanRoute),
	reflect.TypeFor[Missing]():       texts(MissingSkip, MissingCount, MissingDeny),
	reflect.TypeFor[LimitCost]():     texts(CostRequest, CostRequestBytes, CostResponseBytes, CostScore),
	reflect.TypeFor[LimitMode]():     texts(LimitBlock, LimitThrottle, LimitObserve, LimitOff),
	reflect.TypeFor[Sharing]():       texts(ShareNone, ShareLocal, ShareExact),
	reflect.TypeFor[StoreDown]():     texts(StoreDownLocal, StoreDownAllow, StoreDownDeny),
	reflect.TypeFor[Telling]():       texts(TellLimited, TellAlways, TellNever),
	reflect.TypeFor[TokenMode]():     texts(TokenOptional, TokenRequired, TokenAlternative, TokenObserve, TokenOff),
	reflect.TypeFor[TokenInvalid]():  texts(InvalidDeny, InvalidIgnore),
	reflect.TypeFor[TokenForward]():  texts(ForwardKeep, ForwardRemove),
	reflect.TypeFor[LoginThen]():     texts(LoginBlock, LoginChallenge),
	reflect.TypeFor[Unreadable]():    texts(UnreadableLeaveOut, UnreadableKeep),
	reflect.TypeFor[HTTPS]():         texts(HTTPSOptional, HTTPSRedirect, HTTPSRequire),
	reflect.TypeFor[EventFormat]():   texts(StdoutNative, StdoutOCSF, StdoutECS, StdoutOff),
	reflect.TypeFor[SinkFormat]():    texts(FormatNative, FormatOCSF, FormatECS),
	reflect.TypeFor[EventKind]():     texts(EventAccess, EventRefused, EventSecurity, EventBans),
}

func texts[T ~string](words ...T) (out []string) {
	for _, w := range words {
		out = append(out, string(w))
	}
	return out
}

// enumTag lists, on a field of plain text, the words that it may hold.
const enumTag = "enum"

// wordsOf are the words that a field may hold; none: it is no choice.
func wordsOf(f reflect.StructField) []string {
	t := f.Type
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if words := sets[t]; words != nil {
		return words
	}
	return strings.Fields(f.Tag.Get(enumTag))
}

// allowed are the words that the field with a key may hold.
func allowed[T any](key string) []string { return wordsAt(reflect.TypeFor[T](), key) }

// wordsAt are the words that the field at a key path of a struct type may hold.
func wordsAt(t reflect.Type, path string) []string {
	key, rest, deeper := strings.Cut(path, ".")
	for i := range t.NumField() {
		switch f := t.Field(i); {
		case f.Tag.Get(tagName) != key:
		case deeper:
			return wordsAt(f.Type, rest)
		default:
			return wordsOf(f)
		}
	}
	panic("BUG: no key " + path)
}
